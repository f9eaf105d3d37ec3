//! The Merkle tree over the log: its root as it grows, and proofs for whoever does not have the whole log.
//!
//! RFC 9162 2.1.1 (tree hash), 2.1.3 (inclusion), 2.1.4 (consistency). Leaf hashes are made by `leaf`; nothing is
//! signed here.

use crate::base::sha256;

/// A SHA-256 hash of the tree.
pub type Hash = [u8; 32];

const NODE_PREFIX: &[u8] = &[1];

/// A tree as far as it has grown: the roots of its whole subtrees, the largest first. What an appender must keep.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    /// The frontier of `size` leaves with these subtree roots; none when their number does not fit.
    #[must_use]
    pub fn from_parts(size: u64, peaks: Vec<Hash>) -> Option<Self> {
        (u64::try_from(peaks.len()) == Ok(u64::from(size.count_ones()))).then_some(Self { size, peaks })
    }

    /// Number of leaves.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Roots of the whole subtrees, the largest first.
    #[must_use]
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// Adds a leaf hash at the end: as many hashes as subtrees become whole by it.
    pub fn append(&mut self, leaf: Hash) {
        let mut node = leaf;
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                node = node_hash(&left, &node);
            }
        }
        self.peaks.push(node);
        self.size = self.size.saturating_add(1);
    }

    /// The root of the tree (RFC 9162 2.1.1).
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some(last) = peaks.next() else { return sha256(&[]) };
        peaks.fold(*last, |right, left| node_hash(left, &right))
    }
}

/// The root of the tree over these leaf hashes (RFC 9162 2.1.1).
#[must_use]
pub fn tree_hash(leaves: &[Hash]) -> Hash {
    let mut tree = Frontier::default();
    for leaf in leaves {
        tree.append(*leaf);
    }
    tree.root()
}

/// The inclusion path of leaf `index` (RFC 9162 2.1.3.1), nearest sibling first; none past the end.
#[must_use]
pub fn inclusion_path(leaves: &[Hash], index: usize) -> Option<Vec<Hash>> {
    if index >= leaves.len() {
        return None;
    }
    let (mut rest, mut place, mut path) = (leaves, index, Vec::new());
    while rest.len() > 1 {
        let (left, right) = rest.split_at(split(rest.len()));
        let (next, sibling) = if place < left.len() { (left, right) } else { (right, left) };
        place -= if place < left.len() { 0 } else { left.len() };
        path.push(tree_hash(sibling));
        rest = next;
    }
    path.reverse();
    Some(path)
}

/// The proof that the first `first` leaves are the beginning of these (RFC 9162 2.1.4.1); none when there are fewer,
/// or `first` is zero: the empty tree begins every tree.
#[must_use]
pub fn consistency_path(leaves: &[Hash], first: usize) -> Option<Vec<Hash>> {
    if first == 0 || first > leaves.len() {
        return None;
    }
    let (mut rest, mut wanted, mut whole, mut path) = (leaves, first, true, Vec::new());
    while wanted < rest.len() {
        let (left, right) = rest.split_at(split(rest.len()));
        if wanted <= left.len() {
            path.push(tree_hash(right));
            rest = left;
        } else {
            path.push(tree_hash(left));
            wanted -= left.len();
            rest = right;
            whole = false;
        }
    }
    if !whole {
        path.push(tree_hash(rest));
    }
    path.reverse();
    Some(path)
}

/// Whether `leaf` is leaf `index` of the tree of `size` leaves and this root (RFC 9162 2.1.3.2).
#[must_use]
pub fn verify_inclusion(leaf: Hash, (index, size): (u64, u64), path: &[Hash], root: &Hash) -> bool {
    // 2.1.3.2 step 1
    if index >= size {
        return false;
    }
    let (mut place, mut last, mut hash) = (index, size.saturating_sub(1), leaf);
    for sibling in path {
        if last == 0 {
            return false;
        }
        if is_right(place) || place == last {
            hash = node_hash(sibling, &hash);
            (place, last) = skip_lone(place, last);
        } else {
            hash = node_hash(&hash, sibling);
        }
        (place, last) = (place >> 1, last >> 1);
    }
    last == 0 && hash == *root
}

/// Whether the tree of `first` leaves is the beginning of the tree of `second` leaves (RFC 9162 2.1.4.2).
#[must_use]
pub fn verify_consistency(
    (first, first_root): (u64, &Hash),
    (second, second_root): (u64, &Hash),
    path: &[Hash],
) -> bool {
    if first == second {
        return path.is_empty() && first_root == second_root;
    }
    // 2.1.4.2 step 1
    if first == 0 || first > second || path.is_empty() {
        return false;
    }
    // Step 2: a whole first tree is its own proof.
    let whole = first.is_power_of_two().then_some(first_root);
    let mut nodes = whole.into_iter().chain(path);
    let Some(start) = nodes.next() else { return false };
    let (mut place, mut last) = (first.saturating_sub(1), second.saturating_sub(1));
    while is_right(place) {
        (place, last) = (place >> 1, last >> 1);
    }
    let (mut old, mut new) = (*start, *start);
    for node in nodes {
        if last == 0 {
            return false;
        }
        if is_right(place) || place == last {
            old = node_hash(node, &old);
            new = node_hash(node, &new);
            (place, last) = skip_lone(place, last);
        } else {
            new = node_hash(&new, node);
        }
        (place, last) = (place >> 1, last >> 1);
    }
    last == 0 && old == *first_root && new == *second_root
}

/// RFC 9162 2.1.1
fn node_hash(left: &Hash, right: &Hash) -> Hash {
    sha256(&[NODE_PREFIX, left, right])
}

/// The largest power of two smaller than `count`, which is at least 2 (RFC 9162 2.1.1).
const fn split(count: usize) -> usize {
    count.next_power_of_two() >> 1
}

const fn is_right(place: u64) -> bool {
    place & 1 == 1
}

/// A last node without sibling goes up as it is.
const fn skip_lone(mut place: u64, mut last: u64) -> (u64, u64) {
    while !is_right(place) && place != 0 {
        place >>= 1;
        last >>= 1;
    }
    (place, last)
}
