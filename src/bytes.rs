//! Reading and writing the small records of the tables: varints, lengths, and nothing that can panic on damaged input.

use neodex_storage::Malformed;

/// Appends to a byte vector.
pub(crate) struct Writer<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Writer<'a> {
    /// Appends to `out`.
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out }
    }

    /// An unsigned number in 7-bit groups, low group first.
    pub(crate) fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.out.push((value as u8) | 0x80);
            value >>= 7;
        }
        self.out.push(value as u8);
    }

    /// Bytes as they are.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// A length and that many bytes.
    pub(crate) fn sized(&mut self, bytes: &[u8]) {
        self.varint(bytes.len() as u64);
        self.raw(bytes);
    }

    /// A length and UTF-8.
    pub(crate) fn text(&mut self, text: &str) {
        self.sized(text.as_bytes());
    }
}

/// Takes from the front of a byte slice.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads `bytes` from the front.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether nothing is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Exactly `count` bytes.
    pub(crate) fn raw(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or_else(|| malformed("it ends early"))?;
        self.rest = rest;
        Ok(taken)
    }

    /// See [`Writer::varint`].
    pub(crate) fn varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.raw(1)?.first().copied().unwrap_or_default();
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(malformed("a number does not end"))
    }

    /// A varint that must fit 32 bits.
    pub(crate) fn varint_u32(&mut self) -> Result<u32, Malformed> {
        u32::try_from(self.varint()?).map_err(|_| malformed("a number is too large"))
    }

    /// A varint used as a size in memory.
    pub(crate) fn varint_usize(&mut self) -> Result<usize, Malformed> {
        usize::try_from(self.varint()?).map_err(|_| malformed("a number is too large"))
    }

    /// See [`Writer::sized`].
    pub(crate) fn sized(&mut self) -> Result<&'a [u8], Malformed> {
        let count = self.varint_usize()?;
        self.raw(count)
    }

    /// See [`Writer::text`].
    pub(crate) fn text(&mut self) -> Result<String, Malformed> {
        String::from_utf8(self.sized()?.to_vec()).map_err(|_| malformed("a text is not UTF-8"))
    }

    /// Exactly `N` bytes as an array.
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        self.raw(N)?.try_into().map_err(|_| malformed("it ends early"))
    }

    /// Everything that is left.
    pub(crate) fn rest(self) -> &'a [u8] {
        self.rest
    }

    /// Fails when something is left over.
    pub(crate) fn end(self) -> Result<(), Malformed> {
        if self.rest.is_empty() { Ok(()) } else { Err(malformed("it has bytes too many")) }
    }
}

/// A [`Malformed`] with a fixed reason.
pub(crate) fn malformed(reason: &'static str) -> Malformed {
    Malformed::new(reason)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_and_texts_come_back(numbers in prop::collection::vec(any::<u64>(), 0..20), text in ".*") {
            let mut bytes = Vec::new();
            let mut writer = Writer::new(&mut bytes);
            numbers.iter().for_each(|&number| writer.varint(number));
            writer.text(&text);
            let mut reader = Reader::new(&bytes);
            for &number in &numbers {
                prop_assert_eq!(reader.varint().unwrap(), number);
            }
            prop_assert_eq!(reader.text().unwrap(), text);
            prop_assert!(reader.end().is_ok());
        }

        #[test]
        fn any_bytes_are_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let mut reader = Reader::new(&bytes);
            while reader.varint().is_ok() {}
            let _ = Reader::new(&bytes).text();
            let _ = Reader::new(&bytes).array::<16>();
        }
    }
}
