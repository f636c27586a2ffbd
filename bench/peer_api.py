"""The peer of `api` in bench/cold.py: POST /media/upload/init as a Python team would write it.

FastAPI behind Mangum, boto3, PyJWT. It verifies the token (HS256), checks the request, records the grant in the media
table and returns a presigned PUT of exactly those bytes. Clients are created while the function starts.
"""

import base64
import os
import secrets
import time
from datetime import UTC, datetime, timedelta
from typing import Annotated

import boto3
import jwt
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from mangum import Mangum
from pydantic import BaseModel, Field

EXPIRY_SECONDS = 900
CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"

app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
bearer = HTTPBearer()
s3 = boto3.client("s3")
table = boto3.resource("dynamodb").Table(os.environ["SMMU_MEDIA_TABLE"])


class UploadRequest(BaseModel):
    """Request body of an upload."""

    filename: Annotated[str, Field(min_length=1, max_length=255)]
    content_type: Annotated[str, Field(alias="contentType", pattern=r"^(image|video|audio)/[\w.+-]+$")]
    size: Annotated[int, Field(gt=0, le=5 * 2**30)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


def user(credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> str:
    """The user of the token."""
    try:
        claims = jwt.decode(credentials.credentials, os.environ["SMMU_AUTH_SECRET"], ["HS256"])
    except jwt.InvalidTokenError as error:
        raise HTTPException(401, "unauthorized") from error
    return claims["sub"]


def ulid() -> str:
    number = time.time_ns() // 1_000_000 << 80 | secrets.randbits(80)
    return "".join(CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))


@app.post("/media/upload/init", status_code=201)
def init(request: UploadRequest, user_id: Annotated[str, Depends(user)]):
    """Grants an upload."""
    media_id, now = f"med_{ulid()}", datetime.now(UTC)
    expires_at = now + timedelta(seconds=EXPIRY_SECONDS)
    grant = {
        "mediaId": media_id,
        "userId": user_id,
        "fileName": request.filename,
        "contentType": request.content_type,
        "bytes": request.size,
        "sha256": request.sha256,
        "status": "AWAITING_UPLOAD",
        "createdAt": now.isoformat(),
        "expiresAt": expires_at.isoformat(),
    }
    table.put_item(Item=grant, ConditionExpression="attribute_not_exists(mediaId)")
    headers = {
        "content-type": request.content_type,
        "x-amz-checksum-sha256": base64.b64encode(bytes.fromhex(request.sha256)).decode(),
        "if-none-match": "*",
    }
    url = s3.generate_presigned_url(
        "put_object",
        Params={
            "Bucket": os.environ["SMMU_RAW_BUCKET"],
            "Key": f"uploads/{media_id}",
            "ContentType": headers["content-type"],
            "ContentLength": request.size,
            "ChecksumSHA256": headers["x-amz-checksum-sha256"],
            "IfNoneMatch": "*",
        },
        ExpiresIn=EXPIRY_SECONDS,
    )
    upload = {"method": "PUT", "url": url, "headers": headers, "expiresAt": expires_at.isoformat()}
    return {"mediaId": media_id, "upload": upload}


handler = Mangum(app, lifespan="off")
