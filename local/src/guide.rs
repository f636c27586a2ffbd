//! What `smmu-local up` prints: how to use the running cloud.

use std::path::Path;

use smmu_local::Port;

/// Whose token is given unless another user is named.
pub(crate) const USER: &str = "demo";

/// One line to paste for each endpoint, in the order of an upload.
///
/// `program` is this program; it finds the cloud from `root`, and is told `port` only where it is not the default.
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

  # PUT of the file, with what was granted
  granted() {{ grep -io "\"$1\":\"[^\"]*" <<< "$INIT" | cut -d'"' -f4; }}
  curl -sS --fail-with-body -T "$FILE" "$(granted url)" -H "Content-Type: $(granted content-type)" -H "If-None-Match: $(granted if-none-match)" -H "x-amz-checksum-sha256: $(granted x-amz-checksum-sha256)"

  # POST /media/upload/complete
  JOB=$(curl -sS "$SMMU_API/media/upload/complete" -H "Authorization: Bearer $SMMU_TOKEN" -H 'Content-Type: application/json' -d "{{\"mediaId\":\"$(granted mediaId)\"}}"); echo "$JOB"

  # GET /jobs/{{jobId}}, again until it says COMPLETED
  curl -sS "$SMMU_API/jobs/$(grep -o '"jobId":"[^"]*' <<< "$JOB" | cut -d'"' -f4)" -H "Authorization: Bearer $SMMU_TOKEN"

  # GET /jobs/{{jobId}}/playback/{{name}}, of a video
  curl -sS "$SMMU_API/jobs/$(grep -o '"jobId":"[^"]*' <<< "$JOB" | cut -d'"' -f4)/playback/master.m3u8" -H "Authorization: Bearer $SMMU_TOKEN"

Or all of it at once, with the outputs in out/:

  {client} upload "$FILE" --wait --out out
"#
    )
}
