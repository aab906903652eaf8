//! Another model takes over: its vectors are made beside those that serve, then one write to `FORMAT` lets it.
//!
//! Full vectors have two slots ([`Slot`]). While the new ones are made, `FORMAT` notes under `next.` whose they are, so that an interrupted
//! run goes on; the write that ends it puts the new model's fields and the other slot in place together. Whatever moment it is interrupted
//! at, the database is either the old model's or the new one's, whole.
//!
//! Codes, and the index over them, are of the slot that serves. They are made again from its full vectors when the database is next opened
//! ([`bring_codes_along`]), which costs a fraction of embedding.

use neodex_index::Key;
use neodex_index::vector::{Code, RowFormat};
use neodex_storage::Store;

use crate::database::{Inner, manifest};
use crate::embedding::Embedder;
use crate::error::Result;
use crate::ingest::control::Control;
use crate::ingest::prepare::Preparer;
use crate::ingest::reembed::{embed_stored, reembed};
use crate::ingest::report::IngestReport;
use crate::ingest::rows::code_rows;
use crate::ingest::vacate::drop_rows;
use crate::load;
use crate::schema::{CODES, CODES_OF, DOCUMENTS, FIRST_CODES, Head, ONLY, Slot, TOTALS};
use crate::sealing::stored::{forget_all, remove_all};

/// Documents encoded in one transaction.
const TOGETHER: usize = 64;

/// See [`crate::Database::reembed_with`].
pub(crate) fn reembed_with(inner: &Inner, embedder: &dyn Embedder, control: &Control) -> Result<IngestReport> {
    let store = &inner.store;
    let fields = store.manifest().fields;
    let fingerprint = embedder.fingerprint();
    let is_own = manifest::model(&fields).is_some_and(|(_, own)| own == fingerprint);
    if is_own && inner.embeds_text() {
        return reembed(inner, control);
    }
    let next = manifest::slot(&fields).other();
    let window_tokens = inner.config.window_tokens.unwrap_or_else(|| embedder.window_tokens());
    let model = manifest::describe(&inner.config, Some(embedder), window_tokens);
    let begun = manifest::next_model(&fields).is_some_and(|(_, begun)| begun == fingerprint);
    if !begun {
        // What lies there is of a model that serves no more, or was never finished.
        drop_rows(store, next, &control.cancel)?;
        if control.cancel.is_cancelled() {
            return Ok(IngestReport { cancelled: true, ..IngestReport::default() });
        }
        store.replace_fields(manifest::with_next(&fields, &model))?;
    }
    let preparer = Preparer { embedder: Some(embedder), window_tokens, rows: inner.config.rows, slot: next };
    let report = embed_stored(inner, &preparer, control)?;
    if report.cancelled {
        return Ok(report);
    }
    // Documents that came in the meantime, and those that cannot be embedded, have no new vectors yet; they get them as any that wait for
    // theirs do.
    store.replace_fields(manifest::switched(&store.manifest().fields, &model, next))?;
    Ok(report)
}

/// Makes the codes again if they are of the other slot. Interrupted, it begins again: until the end they count as the other slot's.
///
/// # Errors
/// What the store says, or a vector that is damaged.
pub(crate) fn bring_codes_along(store: &Store, slot: Slot, format: RowFormat, dimension: usize) -> Result<()> {
    let made_from = store.get(&CODES_OF, ONLY)?.unwrap_or_else(|| Slot::First.bit().into());
    if made_from == u64::from(slot.bit()) {
        return Ok(());
    }
    forget_all(store)?;
    remove_all(store, &FIRST_CODES)?;
    remove_all(store, &CODES)?;
    let mut waiting: Vec<(u64, Vec<Code>)> = Vec::new();
    for row in store.scan(&DOCUMENTS) {
        let (_, head) = row?;
        if head.has_vectors(slot) {
            waiting.push((head.version, codes_of(store, slot, &head, format, dimension)?));
        }
        if waiting.len() >= TOGETHER {
            put_codes(store, std::mem::take(&mut waiting), slot)?;
        }
    }
    put_codes(store, waiting, slot)?;
    store.commit(move |tx| -> Result<()> { Ok(tx.put(&CODES_OF, ONLY, &slot.bit().into())?) })?;
    Ok(())
}

fn codes_of(store: &Store, slot: Slot, head: &Head, format: RowFormat, dimension: usize) -> Result<Vec<Code>> {
    let keys = (head.version..).take(head.chunks as usize);
    let code = |key| {
        let row = load::row(store, slot, Key(key), format, dimension)?.ok_or_else(|| crate::Error::Record {
            what: "vector",
            key: key.to_string(),
            reason: "it is missing".to_owned(),
        })?;
        Ok(Code::encode(&row)?)
    };
    keys.map(code).collect()
}

fn put_codes(store: &Store, versions: Vec<(u64, Vec<Code>)>, slot: Slot) -> Result<()> {
    store.commit(move |tx| -> Result<()> {
        for (version, codes) in &versions {
            let mut rows = Vec::new();
            code_rows(codes, &mut rows);
            rows.iter().try_for_each(|row| row.put(tx, *version, slot))?;
        }
        Ok(())
    })?;
    Ok(())
}

/// What somebody who opens the database should know of a change of models.
pub(crate) fn notice(store: &Store) -> Result<Option<String>> {
    let fields = store.manifest().fields;
    let Some((name, _)) = manifest::next_model(&fields) else { return Ok(None) };
    let totals = store.get(&TOTALS, ONLY)?.unwrap_or_default();
    let done = totals.vectors(manifest::slot(&fields).other());
    Ok(Some(format!(
        "vectors of the model `{name}` are being made beside those that serve: {done} of {} passages; `reembed` goes on",
        totals.chunks
    )))
}
