"""Multipart uploads as strict as those of Amazon S3, as far as this product needs it.

See `emulator.py` for the form of patches.
"""

from xml.etree.ElementTree import ParseError

from defusedxml.ElementTree import fromstring
from ministack.services import s3

from patches import reviewed

# Minimum size of every part except the last ("Amazon S3 multipart upload limits").
LEAST_PART_BYTES = 5 * 1024 * 1024


def patch_checksum_types():
    """A multipart upload can only have a checksum type that its algorithm supports.

    AWS ("CreateMultipartUpload", API_CreateMultipartUpload, `x-amz-checksum-type`; "Checking object integrity",
    checking-object-integrity-upload, table of types): SHA-1 and SHA-256 support only COMPOSITE; another type is refused
    with InvalidRequest.

    ministack: ignores the type, and every upload is COMPOSITE. The patch refuses other types for all algorithms, even
    those for which S3 supports them: better than silently using a different type.
    """
    create = reviewed(s3, "_create_multipart_upload", "bucket_name", "key", "headers")

    def create_with_type(bucket_name, key, headers):
        kind = headers.get("x-amz-checksum-type", "COMPOSITE").upper()
        if kind == "COMPOSITE":
            return create(bucket_name, key, headers)
        algorithm = headers.get("x-amz-checksum-algorithm", "").lower()
        message = f"The {kind} checksum type cannot be used with the {algorithm} checksum algorithm."
        return s3._error("InvalidRequest", message, 400, f"/{bucket_name}/{key}")

    s3._create_multipart_upload = create_with_type


def patch_completion():
    """Parts are assembled under the same conditions as in S3.

    AWS ("CompleteMultipartUpload", API_CompleteMultipartUpload, errors and headers; "CompletedPart",
    API_CompletedPart): parts are listed in ascending order (InvalidPartOrder); every part except the last has at least
    5 MiB (EntityTooSmall); if the upload was created with a checksum algorithm, each part is listed with its checksum
    (InvalidRequest) and the numbers are consecutive from 1 (InvalidPartOrder); a checksum type must be the one that the
    upload was created with (BadDigest).

    ministack: sorts the parts and checks none of this.
    """
    parameters = ("bucket_name", "key", "body", "query_params", "headers")
    complete = reviewed(s3, "_complete_multipart_upload", *parameters)
    reviewed(s3, "_qp", "params", "key", "default")

    def complete_strictly(bucket_name, key, body, query_params, headers=None):
        upload = s3._multipart_uploads.get(s3._qp(query_params, "uploadId"))
        refused = upload and refusal(upload, named_parts(body), headers or {})
        if refused:
            code, message = refused
            return s3._error(code, message, 400, f"/{bucket_name}/{key}")
        return complete(bucket_name, key, body, query_params, headers)

    s3._complete_multipart_upload = complete_strictly


def patch_checksum_types_of_versions():
    """A version of an object has the right checksum type.

    AWS ("HeadObject", API_HeadObject, `x-amz-checksum-type`): the same with and without versionId.

    ministack: reports FULL_OBJECT for every version. A composite checksum ends in the number of parts.
    """
    describe = reviewed(s3, "_object_response_headers", "obj", "bucket_name", "key", "include_checksums")

    def describe_with_type(obj, bucket_name="", key="", include_checksums=False):
        headers = describe(obj, bucket_name, key, include_checksums)
        checksums = (obj.get("checksums") or {}).values()
        if "x-amz-checksum-type" in headers and any("-" in value for value in checksums):
            headers["x-amz-checksum-type"] = "COMPOSITE"
        return headers

    s3._object_response_headers = describe_with_type


def named_parts(body):
    """Returns the parts in a request, each as a dict of its elements' texts. Empty if the body is not valid XML."""
    try:
        root = fromstring(body)
    except ParseError:
        return []
    return [{name_of(child): child.text for child in part} for part in root if name_of(part) == "Part"]


def name_of(element):
    return element.tag.rsplit("}", 1)[-1]


def refusal(upload, parts, headers):
    """Returns the code and message with which S3 refuses to assemble these parts, or None."""
    numbers = [int(part["PartNumber"]) for part in parts]
    algorithm = upload.get("checksum_algorithm")
    if algorithm:
        for part in parts:
            if not part.get(f"Checksum{algorithm}"):
                return "InvalidRequest", (
                    f"The upload was created using a {algorithm.lower()} checksum. The complete request must include "
                    f"the checksum for each part. It was missing for part {part['PartNumber']} in the request."
                )
        if headers.get("x-amz-checksum-type", "COMPOSITE").upper() != "COMPOSITE":
            return "BadDigest", "The checksum type is not the one that the upload was created with."
    if numbers != sorted(set(numbers)) or (algorithm and numbers != list(range(1, len(numbers) + 1))):
        return "InvalidPartOrder", "The list of parts was not in ascending order. Parts must be ordered by part number."
    sizes = [upload["parts"][number]["size"] for number in numbers if number in upload["parts"]]
    if any(size < LEAST_PART_BYTES for size in sizes[:-1]):
        return "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size"
    return None


def patch():
    """Applies all patches of this module."""
    patch_checksum_types()
    patch_checksum_types_of_versions()
    patch_completion()
