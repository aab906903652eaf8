//! Reading a body that may be too large, too slow or cut off. The limit counts unpacked bytes, so a body that was packed to look small is
//! refused as soon as it is not.

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;

use crate::config::Limits;
use crate::refusal::{Code, Refusal};

/// A sender slower than this is not slow but trying something, in bytes per second on average.
const SLOWEST: u64 = 16 << 10;

/// The next piece of a body; `None` at its end.
///
/// # Errors
/// 408 when nothing comes for too long, 400 when it is cut off or not what its `Content-Encoding` says.
pub(crate) async fn piece(body: &mut Body, limits: &Limits) -> Result<Option<Bytes>, Refusal> {
    loop {
        let frame = tokio::time::timeout(limits.idle_time, body.frame())
            .await
            .map_err(|_| Refusal::new(Code::Timeout, "nothing more of the body came for too long"))?;
        match frame {
            None => return Ok(None),
            Some(Err(error)) => {
                let message = format!("the body is cut off, or not packed as its Content-Encoding says: {error}");
                return Err(Refusal::new(Code::InvalidRequest, message));
            }
            // Trailers say nothing here.
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

/// All of a body.
///
/// # Errors
/// 413 when it is too large, else as [`piece`].
pub(crate) async fn whole(mut body: Body, limits: &Limits) -> Result<Bytes, Refusal> {
    let started = tokio::time::Instant::now();
    let mut first = Bytes::new();
    let mut all: Option<BytesMut> = None;
    let mut length = 0;
    while let Some(data) = piece(&mut body, limits).await? {
        length += data.len();
        if length > limits.body_bytes {
            let most = limits.body_bytes;
            let message =
                format!("the body is longer than {most} bytes; send it in parts, or documents as application/x-ndjson");
            return Err(Refusal::new(Code::TooLarge, message));
        }
        if started.elapsed() > limits.idle_time + Duration::from_secs(length as u64 / SLOWEST) {
            return Err(Refusal::new(Code::Timeout, "the body comes too slowly"));
        }
        // Most bodies are one piece, which needs no copy.
        match &mut all {
            Some(all) => all.extend_from_slice(&data),
            None if first.is_empty() => first = data,
            None => {
                let mut joined = BytesMut::with_capacity(first.len() + data.len());
                joined.extend_from_slice(&first);
                joined.extend_from_slice(&data);
                all = Some(joined);
            }
        }
    }
    Ok(all.map_or(first, BytesMut::freeze))
}
