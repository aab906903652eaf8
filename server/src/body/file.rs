//! A file as a body, read as fast as the client takes it.

use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::HttpBody;
use bytes::{Bytes, BytesMut};
use hyper::body::{Frame, SizeHint};
use tokio::fs::File;
use tokio::io::{AsyncRead, ReadBuf};

use crate::refusal::Refusal;

/// Bytes read at once.
const PIECE: usize = 128 << 10;

/// Opens a file and says how long it is.
///
/// # Errors
/// 500 when it cannot be opened.
pub(crate) async fn open(path: &Path) -> Result<(File, u64), Refusal> {
    let file = File::open(path).await.map_err(Refusal::internal)?;
    let bytes = file.metadata().await.map_err(Refusal::internal)?.len();
    Ok((file, bytes))
}

/// The body, with what has to live as long as it.
pub(crate) struct FileBody<K> {
    file: File,
    left: u64,
    buffer: BytesMut,
    #[expect(dead_code, reason = "held for its drop")]
    kept: K,
}

impl<K> FileBody<K> {
    pub(crate) fn new(file: File, bytes: u64, kept: K) -> Self {
        Self { file, left: bytes, buffer: BytesMut::new(), kept }
    }
}

impl<K: Unpin + Send + 'static> HttpBody for FileBody<K> {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let me = &mut *self;
        me.buffer.resize(PIECE, 0);
        let mut read = ReadBuf::new(&mut me.buffer);
        std::task::ready!(Pin::new(&mut me.file).poll_read(context, &mut read))?;
        let length = read.filled().len();
        if length == 0 {
            return Poll::Ready(Some(Err(std::io::ErrorKind::UnexpectedEof.into())));
        }
        let mut piece = me.buffer.split();
        piece.truncate(length);
        me.left = me.left.saturating_sub(length as u64);
        Poll::Ready(Some(Ok(Frame::data(piece.freeze()))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
