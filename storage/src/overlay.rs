//! Changes that are not in sled yet: what a transaction, or a whole group of them, is about to write.

use std::collections::BTreeMap;

use crate::table::{SledRange, is_empty};

/// Rows by sled key; `None` stands for a removed one.
#[derive(Debug, Default)]
pub(crate) struct Overlay {
    rows: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    bytes: usize,
}

impl Overlay {
    /// What this overlay knows of a key: nothing, that it is removed, or its value.
    pub(crate) fn get(&self, sled_key: &[u8]) -> Option<Option<&[u8]>> {
        self.rows.get(sled_key).map(Option::as_deref)
    }

    /// Replaces what is known of a key.
    pub(crate) fn set(&mut self, sled_key: Vec<u8>, value: Option<Vec<u8>>) {
        let key_bytes = sled_key.len();
        self.bytes += key_bytes + value.as_ref().map_or(0, Vec::len);
        if let Some(old) = self.rows.insert(sled_key, value) {
            self.bytes -= key_bytes + old.map_or(0, |old| old.len());
        }
    }

    /// Adds what a later overlay knows.
    pub(crate) fn absorb(&mut self, later: Self) {
        for (key, value) in later.rows {
            self.set(key, value);
        }
    }

    /// The rows of a range, in the order of their keys.
    pub(crate) fn range(&self, range: &SledRange) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        let rows = (!is_empty(range)).then(|| self.rows.range::<Vec<u8>, _>(range.clone()));
        rows.into_iter().flatten().map(|(key, value)| (key.as_slice(), value.as_deref()))
    }

    /// The keys of everything that changes.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &Vec<u8>> {
        self.rows.keys()
    }

    /// Keys and values together, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The same changes for sled.
    pub(crate) fn into_batch(self) -> sled::Batch {
        let mut batch = sled::Batch::default();
        for (key, value) in self.rows {
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_those_of_what_is_held() {
        let mut overlay = Overlay::default();
        overlay.set(vec![1, 2], Some(vec![0; 10]));
        overlay.set(vec![1, 2], Some(vec![0; 4]));
        overlay.set(vec![3], None);
        assert_eq!(overlay.bytes(), 2 + 4 + 1);
        let mut later = Overlay::default();
        later.set(vec![1, 2], None);
        overlay.absorb(later);
        assert_eq!(overlay.bytes(), 2 + 1);
        assert_eq!(overlay.get(&[1, 2]), Some(None));
        assert_eq!(overlay.get(&[9]), None);
    }
}
