//! Whether a document changed: a hash of everything but its id, equal for equal content however its metadata was spelled.

use super::{Document, value};

/// 16 bytes of BLAKE3 over title, text, headings and metadata (keys in order).
///
/// The id is left out, so that a renamed document is recognised as the same content.
pub fn content_hash(document: &Document) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    let mut field = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    field(document.title.as_bytes());
    field(document.text.as_bytes());
    let mut rest = Vec::new();
    for heading in &document.headings {
        rest.push(heading.level);
        value::write_length(&mut rest, heading.offset as u64);
        value::write_bytes(&mut rest, heading.text.as_bytes());
    }
    field(&rest);
    rest.clear();
    value::write_object(&mut rest, document.metadata.as_map());
    field(&rest);
    let mut hash = [0; 16];
    hash.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    hash
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Heading;

    #[test]
    fn every_part_counts_but_the_id() {
        let base = Document::new("a", "text").title("t").metadata("x", 1);
        let same = Document::new("b", "text").title("t").metadata("x", 1);
        assert_eq!(content_hash(&base), content_hash(&same));
        let mut headed = base.clone();
        headed.headings.push(Heading { level: 1, text: "text".into(), offset: 0 });
        let others = [
            base.clone().title("u"),
            base.clone().metadata("x", 2),
            base.clone().metadata("y", 1),
            Document::new("a", "texu").title("t").metadata("x", 1),
            Document::new("a", "tex").title("tt").metadata("x", 1),
            headed,
        ];
        for other in others {
            assert_ne!(content_hash(&base), content_hash(&other), "{other:?}");
        }
    }
}
