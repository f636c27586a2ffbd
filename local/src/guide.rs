//! The guide that `smmu-local up` prints: how to use the running cloud.

use std::path::Path;

use smmu_local::{Address, Port};

/// Default user for tokens.
pub(crate) const USER: &str = "demo";

/// Where the web page is, and how to sign in to it.
pub(crate) fn page(address: &Address) -> String {
    match address.page_url() {
        Some(url) => format!("The web page is at {url}\nSign in as {USER} with the password {}\n", address.password()),
        None => {
            "There is no web page: it was not built (tools/web.sh build, which needs npm), or the stack serves none.\n"
                .to_owned()
        }
    }
}

/// The guide: one command to paste for each endpoint, in the order of an upload.
///
/// `program` is the path of this program, which finds the cloud from `root`. `port` is shown only if it is not the
/// default.
pub(crate) fn guide(program: &Path, root: &Path, port: Port, api: &str) -> String {
    let client = program.with_file_name("smmu");
    let (program, root, client) = (program.display(), root.display(), client.display());
    let port = match port {
        Port::DEFAULT | Port::Auto => String::new(),
        Port::Fixed(port) => format!(" --port {port}"),
    };
    format!(
        r#"
The API is at {api}

  export SMMU_API={api}
  export SMMU_TOKEN=$(cd {root} && {program} token{port})

  # GET /health
  curl -sS "$SMMU_API/health"

  # POST /media/upload/init
  FILE=photo.jpg TYPE=image/jpeg
  INIT=$(curl -sS "$SMMU_API/media/upload/init" -H "Authorization: Bearer $SMMU_TOKEN" -H 'Content-Type: application/json' -d "{{\"filename\":\"$(basename "$FILE")\",\"contentType\":\"$TYPE\",\"size\":$(stat -c %s "$FILE"),\"sha256\":\"$(sha256sum < "$FILE" | cut -c-64)\"}}"); echo "$INIT"

  # PUT the file to the granted URL, with the granted headers
  granted() {{ grep -io "\"$1\":\"[^\"]*" <<< "$INIT" | cut -d'"' -f4; }}
  curl -sS --fail-with-body -T "$FILE" "$(granted url)" -H "Content-Type: $(granted content-type)" -H "If-None-Match: $(granted if-none-match)" -H "x-amz-checksum-sha256: $(granted x-amz-checksum-sha256)"

  # POST /media/upload/complete
  JOB=$(curl -sS "$SMMU_API/media/upload/complete" -H "Authorization: Bearer $SMMU_TOKEN" -H 'Content-Type: application/json' -d "{{\"mediaId\":\"$(granted mediaId)\"}}"); echo "$JOB"

  # GET /jobs/{{jobId}}, repeat until it says COMPLETED
  curl -sS "$SMMU_API/jobs/$(grep -o '"jobId":"[^"]*' <<< "$JOB" | cut -d'"' -f4)" -H "Authorization: Bearer $SMMU_TOKEN"

  # GET /jobs/{{jobId}}/playback/{{name}}, for a video
  curl -sS "$SMMU_API/jobs/$(grep -o '"jobId":"[^"]*' <<< "$JOB" | cut -d'"' -f4)/playback/master.m3u8" -H "Authorization: Bearer $SMMU_TOKEN"

Or everything at once, with the outputs in out/:

  {client} upload "$FILE" --wait --out out
"#
    )
}
