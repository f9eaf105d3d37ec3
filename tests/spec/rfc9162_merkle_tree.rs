//! RFC 9162 2.1: the tree of certificate transparency's own examples, and proofs against a naive reading of the text.

use proptest::prelude::*;
use sceau::audit::{
    Frontier, Hash, consistency_path, inclusion_path, tree_hash, verify_consistency, verify_inclusion,
};
use sceau::base::sha256;

/// The inputs and roots that implementations of certificate transparency share.
const INPUTS: [&[u8]; 8] = [
    b"",
    b"\x00",
    b"\x10",
    b"\x20\x21",
    b"\x30\x31",
    b"\x40\x41\x42\x43",
    b"\x50\x51\x52\x53\x54\x55\x56\x57",
    b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
];
const ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

fn hex(hash: Hash) -> String {
    hash.iter()
        .map(|byte| [byte >> 4, byte & 15])
        .fold(String::new(), |text, [high, low]| format!("{text}{high:x}{low:x}"))
}

fn leaves(count: usize) -> Vec<Hash> {
    (0..count).map(|number| sha256(&[&[0], &number.to_be_bytes()])).collect()
}

/// MTH as the text says it, recursive.
fn naive(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => sha256(&[]),
        [leaf] => *leaf,
        _ => {
            let mut k = 1;
            while k * 2 < leaves.len() {
                k *= 2;
            }
            sha256(&[&[1], &naive(&leaves[..k]), &naive(&leaves[k..])])
        }
    }
}

#[test]
fn s2_1_1_roots_of_the_shared_examples() {
    let mut tree = Frontier::default();
    assert_eq!(hex(tree.root()), ROOTS[0]);
    for (place, input) in INPUTS.iter().enumerate() {
        tree.append(sha256(&[&[0], input]));
        assert_eq!(hex(tree.root()), ROOTS[place + 1], "{place}");
    }
}

#[test]
fn s2_1_1_a_frontier_is_its_parts_and_nothing_else() {
    let mut tree = Frontier::default();
    for leaf in leaves(11) {
        tree.append(leaf);
    }
    assert_eq!((tree.size(), tree.peaks().len()), (11, 3));
    assert_eq!(Frontier::from_parts(11, tree.peaks().to_vec()), Some(tree.clone()));
    assert_eq!(Frontier::from_parts(12, tree.peaks().to_vec()), None);
    assert_eq!(Frontier::from_parts(11, tree.peaks()[1..].to_vec()), None);
}

#[test]
fn s2_1_3_and_s2_1_4_there_is_no_proof_of_what_is_not_there() {
    let leaves = leaves(5);
    assert_eq!(inclusion_path(&leaves, 5), None);
    assert_eq!(consistency_path(&leaves, 6), None);
    assert_eq!(consistency_path(&leaves, 0), None);
    assert!(!verify_inclusion(leaves[0], (5, 5), &[], &leaves[0]));
    assert!(!verify_consistency((6, &leaves[0]), (5, &leaves[0]), &[leaves[1]]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn s2_1_1_the_root_is_that_of_the_text(count in 0..200_usize) {
        let leaves = leaves(count);
        prop_assert_eq!(tree_hash(&leaves), naive(&leaves));
    }

    #[test]
    fn s2_1_3_each_leaf_is_included_and_no_other(count in 1..70_usize, flip in any::<prop::sample::Index>()) {
        let leaves = leaves(count);
        let root = tree_hash(&leaves);
        let size = u64::try_from(count).unwrap();
        for (index, leaf) in leaves.iter().enumerate() {
            let path = inclusion_path(&leaves, index).unwrap();
            let at = u64::try_from(index).unwrap();
            prop_assert!(verify_inclusion(*leaf, (at, size), &path, &root));
            prop_assert!(!verify_inclusion(sha256(&[b"other"]), (at, size), &path, &root));
            prop_assert!(!verify_inclusion(*leaf, ((at + 1) % size, size), &path, &root) || size == 1);
            let mut longer = path.clone();
            longer.push(root);
            prop_assert!(!verify_inclusion(*leaf, (at, size), &longer, &root));
            if !path.is_empty() {
                prop_assert!(!verify_inclusion(*leaf, (at, size), &path[1..], &root));
                let mut changed = path.clone();
                changed[flip.index(path.len())][0] ^= 1;
                prop_assert!(!verify_inclusion(*leaf, (at, size), &changed, &root));
            }
        }
    }

    #[test]
    fn s2_1_4_a_beginning_is_proved_and_a_rewriting_is_not(count in 1..70_usize, flip in any::<prop::sample::Index>()) {
        let leaves = leaves(count);
        let whole = tree_hash(&leaves);
        let second = u64::try_from(count).unwrap();
        let mut rewritten = leaves.clone();
        rewritten[0][0] ^= 1;
        for first in 1..=count {
            let path = consistency_path(&leaves, first).unwrap();
            let size = u64::try_from(first).unwrap();
            let root = tree_hash(&leaves[..first]);
            prop_assert!(verify_consistency((size, &root), (second, &whole), &path), "{} of {}", first, count);
            let other = tree_hash(&rewritten[..first]);
            prop_assert!(!verify_consistency((size, &other), (second, &whole), &path));
            if !path.is_empty() {
                let mut changed = path.clone();
                changed[flip.index(path.len())][0] ^= 1;
                prop_assert!(!verify_consistency((size, &root), (second, &whole), &changed));
            }
        }
    }
}
