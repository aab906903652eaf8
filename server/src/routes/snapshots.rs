//! `POST /v1/snapshots`: a consistent copy of the database, as a download. It is written to a file beside the database first, so that a slow
//! reader holds a file and no lock.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};

use crate::auth::access::Access;
use crate::body::file;
use crate::refusal::{Code, Refusal};
use crate::routes::{Content, Operation, Routes};
use crate::snapshot;
use crate::state::App;
use crate::work;

pub(super) fn add(routes: &mut Routes) {
    let operation = Operation::new(Method::POST, "/v1/snapshots", Access::Admin)
        .about(
            "Operation",
            "Download a snapshot",
            "A consistent copy of the database, for `neodex snapshot restore`. Writers go on meanwhile. One is made at a time.",
        )
        .answers(Content::bytes("application/octet-stream"))
        .refuses(&[409]);
    routes.add(operation, create);
}

async fn create(State(app): State<App>) -> Result<Response, Refusal> {
    if app.is_stopping() {
        return Err(Refusal::shutting_down());
    }
    let busy = |_| Refusal::new(Code::Conflict, "a snapshot is being made or downloaded already");
    let permit = Arc::clone(&app.snapshots).try_acquire_owned().map_err(busy)?;
    let db = app.db.clone();
    let (folder, path) = work::detached(move || {
        let beside = db.path().parent().filter(|parent| !parent.as_os_str().is_empty());
        let beside = beside.map_or_else(|| std::path::PathBuf::from("."), std::path::Path::to_path_buf);
        let folder =
            tempfile::Builder::new().prefix(".neodex-snapshot-").tempdir_in(beside).map_err(Refusal::internal)?;
        let path = folder.path().join("snapshot");
        snapshot::write(&db, &path)?;
        Ok::<_, Refusal>((folder, path))
    })
    .await??;
    let (file, bytes) = file::open(&path).await?;
    // Folder and permit go when the download ends, however it ends.
    let body = Body::new(file::FileBody::new(file, bytes, (folder, permit)));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"neodex.snapshot\"")),
    ];
    Ok((headers, body).into_response())
}
