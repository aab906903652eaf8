//! A segment as it is stored: its keys and its links. The rows are not in it, because their codes are stored with their documents; they are
//! put in place again by a [`SegmentLoader`].
//!
//! Little-endian; `varint` is seven bits a byte, low ones first.
//!
//! | | |
//! |---|---|
//! | magic, version | `NXSG`, 1 |
//! | dimension, distance | varint, one byte |
//! | nodes, twins, degree, layers | varints |
//! | keys | 8 bytes each: the nodes', then the twins' |
//! | twins | for each its node, as the varint difference from the one before |
//! | links | for each node how many (varint), then the links, ascending, as varint differences |
//! | each layer, from the top | members, degree (varints), the members as nodes, their links as above, and for all but the last their numbers below |
//!
//! Reading takes any bytes: every number is checked against what it counts, so that a walk over what was accepted stays within its arrays.

use super::super::code::{Code, check_dimension};
use super::super::distance::Distance;
use super::super::kernel::Kernel;
use super::Segment;
use super::block::Block;
use super::graph::{Graph, Layer, Links};
use super::pool::MOST_NODES;
use crate::error::{Error, Result};
use crate::key::Key;

const MAGIC: &[u8; 4] = b"NXSG";
const VERSION: u8 = 1;
/// More neighbours than this no segment has.
const MOST_DEGREE: usize = 1_024;
const MOST_LAYERS: usize = 64;

impl Segment {
    /// The stored form.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.len() * 48);
        out.extend_from_slice(MAGIC);
        out.push(VERSION);
        put(&mut out, self.dimension() as u64);
        out.push(Distance::ALL.iter().position(|&distance| distance == self.distance()).unwrap_or(0) as u8);
        for count in [self.block.len(), self.twins.len(), self.graph.bottom.degree(), self.graph.layers.len()] {
            put(&mut out, count as u64);
        }
        self.keys.iter().for_each(|key| out.extend_from_slice(&key.0.to_le_bytes()));
        put_ascending(&mut out, &self.twins);
        put_links(&mut out, &self.graph.bottom);
        for layer in &self.graph.layers {
            put(&mut out, layer.members.len() as u64);
            put(&mut out, layer.links.degree() as u64);
            layer.members.iter().for_each(|&member| put(&mut out, u64::from(member)));
            put_links(&mut out, &layer.links);
            layer.below.iter().for_each(|&below| put(&mut out, u64::from(below)));
        }
        out
    }
}

fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_ascending(out: &mut Vec<u8>, values: &[u32]) {
    let mut before = 0;
    for &value in values {
        put(out, u64::from(value - before));
        before = value;
    }
}

fn put_links(out: &mut Vec<u8>, links: &Links) {
    let mut of_node = Vec::with_capacity(links.degree());
    for node in 0..links.len() as u32 {
        of_node.clear();
        of_node.extend(links.of(node));
        of_node.sort_unstable();
        put(out, of_node.len() as u64);
        put_ascending(out, &of_node);
    }
}

/// A stored segment waiting for its rows.
#[derive(Debug)]
pub struct SegmentLoader {
    segment: Segment,
    filled: Vec<bool>,
    missing: usize,
    /// How far [`SegmentLoader::offer`] has come in the order of the keys.
    next: usize,
}

impl SegmentLoader {
    /// Reads the stored form of a segment of vectors of `dimension` values.
    ///
    /// # Errors
    /// [`Error::UnsupportedDimension`]; [`Error::Damaged`] for bytes that are no segment, or one of other vectors.
    pub fn new(bytes: &[u8], dimension: usize, distance: Distance) -> Result<SegmentLoader> {
        check_dimension(dimension)?;
        let mut reader = Reader { bytes };
        let segment = read(&mut reader, dimension, distance)
            .filter(|_| reader.bytes.is_empty())
            .ok_or_else(|| Error::Damaged { path: "a vector segment".into(), reason: "it does not add up".into() })?;
        let nodes = segment.block.len();
        Ok(SegmentLoader { segment, filled: vec![false; nodes], missing: nodes, next: 0 })
    }

    /// Takes the code of a key that lives if it is one of the segment's; true when it is. Keys must come in ascending order.
    pub fn offer(&mut self, key: Key, code: &Code) -> bool {
        let Some(position) = self.advance(key) else { return false };
        self.fill(position, code);
        true
    }

    /// Ends the keys that live: all others of the segment are deleted.
    pub fn end_of_living(&mut self) {
        while let Some(&position) = self.segment.by_key.get(self.next) {
            self.segment.dead.bury(position);
            self.next += 1;
        }
    }

    /// Takes the code of a deleted key, which a walk still needs.
    pub fn offer_dead(&mut self, key: Key, code: &Code) {
        if let Some(position) = self.segment.position(key) {
            self.fill(position, code);
        }
    }

    /// Whether every row is there.
    pub fn is_complete(&self) -> bool {
        self.missing == 0
    }

    /// The segment, once every row is there; otherwise `None`.
    pub fn finish(self) -> Option<Segment> {
        (self.missing == 0).then_some(self.segment)
    }

    /// The position of `key`; those of smaller keys that were not offered are deleted.
    fn advance(&mut self, key: Key) -> Option<u32> {
        while let Some(&position) = self.segment.by_key.get(self.next) {
            let own = self.segment.keys[position as usize];
            if own > key {
                return None;
            }
            self.next += 1;
            if own == key {
                return Some(position);
            }
            self.segment.dead.bury(position);
        }
        None
    }

    fn fill(&mut self, position: u32, code: &Code) {
        let node = self.segment.node_of(position);
        if code.dimension() == self.segment.dimension() && !std::mem::replace(&mut self.filled[node as usize], true) {
            self.segment.block.set(node, code);
            self.missing -= 1;
        }
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
}

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(byte)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    /// A number of things of which each takes a byte at least.
    fn count(&mut self, most: usize) -> Option<usize> {
        let count = usize::try_from(self.varint()?).ok()?;
        (count <= most && count <= self.bytes.len()).then_some(count)
    }

    fn below(&mut self, limit: usize) -> Option<u32> {
        let value = self.varint()?;
        (value < limit as u64).then_some(value as u32)
    }

    /// `count` ascending numbers below `limit`.
    fn ascending(&mut self, count: usize, limit: usize) -> Option<Vec<u32>> {
        let mut before = 0u64;
        (0..count)
            .map(|_| {
                before = before.checked_add(self.varint()?)?;
                (before < limit as u64).then_some(before as u32)
            })
            .collect()
    }

    fn links(&mut self, nodes: usize, degree: usize) -> Option<Links> {
        let mut links = Links::new(nodes, degree);
        for node in 0..nodes as u32 {
            let count = usize::try_from(self.varint()?).ok().filter(|&count| count <= degree)?;
            links.set(node, self.ascending(count, nodes)?);
        }
        Some(links)
    }
}

/// `None` for anything that does not add up.
fn read(reader: &mut Reader<'_>, dimension: usize, distance: Distance) -> Option<Segment> {
    let (magic, rest) = reader.bytes.split_first_chunk::<4>()?;
    reader.bytes = rest;
    let known = magic == MAGIC && reader.byte()? == VERSION;
    let fits =
        reader.varint()? == dimension as u64 && Distance::ALL.get(usize::from(reader.byte()?)) == Some(&distance);
    if !known || !fits {
        return None;
    }
    let nodes = reader.count(MOST_NODES)?;
    let twins = reader.count(MOST_NODES - nodes)?;
    let degree = usize::try_from(reader.varint()?).ok().filter(|&degree| degree <= MOST_DEGREE)?;
    let layers = usize::try_from(reader.varint()?).ok().filter(|&layers| layers <= MOST_LAYERS)?;
    let (keys, rest) = reader.bytes.split_at_checked((nodes + twins).checked_mul(8)?)?;
    reader.bytes = rest;
    let keys: Vec<Key> = keys.as_chunks().0.iter().map(|key| Key(u64::from_le_bytes(*key))).collect();
    let twins = reader.ascending(twins, nodes)?;
    let bottom = reader.links(nodes, degree)?;
    let mut read_layers: Vec<Layer> = Vec::with_capacity(layers);
    for number in 0..layers {
        let members = reader.count(nodes)?;
        let degree = usize::try_from(reader.varint()?).ok().filter(|&degree| degree <= MOST_DEGREE)?;
        let layer_members = (0..members).map(|_| reader.below(nodes)).collect::<Option<Vec<u32>>>()?;
        let links = reader.links(members, degree)?;
        let last = number + 1 == layers;
        // How many members the layer below has is known only when it has been read.
        let below = if last { Some(Vec::new()) } else { (0..members).map(|_| reader.below(nodes)).collect() };
        if let Some(above) = read_layers.last()
            && above.below.iter().any(|&number| number as usize >= members)
        {
            return None;
        }
        read_layers.push(Layer { members: layer_members, links, below: below? });
    }
    let block = Block::empty_rows(dimension, distance, nodes);
    let segment = Segment::new(block, Graph { bottom, layers: read_layers }, keys, twins, Kernel::best());
    // A key that is there twice would be found twice.
    let twice = segment.by_key.windows(2).any(|pair| segment.keys[pair[0] as usize] == segment.keys[pair[1] as usize]);
    (!twice).then_some(segment)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::super::{BuildOptions, SegmentBuilder};
    use super::*;

    fn code(key: u64) -> Code {
        let vector: Vec<f32> = (0..8).map(|i| ((key * 31 + i * 17) % 29) as f32 - 14.0).collect();
        Code::encode(&vector).unwrap()
    }

    fn segment(rows: u64) -> Segment {
        let mut builder = SegmentBuilder::new(8, Distance::Cosine, 0).unwrap();
        (0..rows).for_each(|key| builder.push(Key(3 * key), &code(key)).unwrap());
        builder.build(&BuildOptions::default(), |_| true).unwrap().unwrap()
    }

    #[test]
    fn a_segment_comes_back_with_its_dead() {
        let original = segment(500);
        let bytes = original.to_bytes();
        let mut loader = SegmentLoader::new(&bytes, 8, Distance::Cosine).unwrap();
        assert!(!loader.offer(Key(1), &code(1)), "no key of the segment");
        (1..500).for_each(|key| assert!(loader.offer(Key(3 * key), &code(key))));
        loader.end_of_living();
        loader.offer_dead(Key(0), &code(0));
        let loaded = loader.finish().unwrap();
        assert_eq!((loaded.len(), loaded.dead()), (500, 1));
        assert!(!loaded.contains(Key(0)) && loaded.contains(Key(3)));
        original.remove(Key(0));
        assert_eq!(loaded.to_bytes(), bytes);
        assert_eq!(loaded.graph.layers, original.graph.layers);
    }

    #[test]
    fn a_missing_row_is_noticed() {
        let bytes = segment(40).to_bytes();
        let mut loader = SegmentLoader::new(&bytes, 8, Distance::Cosine).unwrap();
        // Keys 0 and 29 * 3 have equal rows: either fills the node of both.
        (1..29).for_each(|key| assert!(loader.offer(Key(3 * key), &code(key))));
        loader.end_of_living();
        assert!(!loader.is_complete());
        assert!(loader.finish().is_none());
    }

    #[test]
    fn any_damage_is_an_error_or_a_sound_segment() {
        let bytes = segment(60).to_bytes();
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            if let Ok(mut loader) = SegmentLoader::new(&damaged, 8, Distance::Cosine) {
                loader.end_of_living();
                (0..60).for_each(|key| loader.offer_dead(Key(3 * key), &code(key)));
                if let Some(loaded) = loader.finish() {
                    let query = super::super::super::Query::new(&[1.0; 8]).unwrap();
                    loaded.find(&query, 5, None, &Default::default()).unwrap();
                }
            }
        }
        assert!((0..bytes.len()).all(|length| SegmentLoader::new(&bytes[..length], 8, Distance::Cosine).is_err()));
        assert!(SegmentLoader::new(&bytes, 9, Distance::Cosine).is_err());
        assert!(SegmentLoader::new(&bytes, 8, Distance::Euclidean).is_err());
    }
}
