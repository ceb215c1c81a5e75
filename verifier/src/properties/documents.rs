//! JSON beside serde_json, which is the reader that everybody else uses: where two readers of one text
//! differ, one of them can be shown something that the other does not see.

use crate::json::{DEEPEST, MOST_MEMBERS, Object, Value};
use serde_json::value::Number;
use std::collections::BTreeSet;

/// A document as serde_json reads it, with every member of an object, also those whose key stands twice.
#[derive(PartialEq, Debug)]
pub(super) enum Tree {
    Null,
    Flag(bool),
    Number(Number),
    Text(String),
    Items(Vec<Tree>),
    Members(Vec<(String, Tree)>),
}

/// `bytes` are JSON for us exactly where they are for serde_json and within our bounds, and say the same;
/// what we write of it says the same again.
pub fn json(bytes: &[u8]) {
    let ours = Value::parse(bytes);
    match serde_json::from_slice::<Tree>(bytes) {
        Ok(tree) if tree.depth() <= usize::from(DEEPEST) => {
            let ours = ours.unwrap_or_else(|| panic!("refused, and it is {tree:?}"));
            same(ours, &tree);
            comes_back(&tree);
        }
        Ok(_) => assert!(ours.is_none(), "deeper than our bound"),
        Err(error) if is_beyond_f64(&error) => {}
        Err(error) => assert!(ours.is_none(), "taken, and serde_json says {error}"),
    }
}

/// It reads numbers as f64 and stops at one that is none; we read whole numbers and pass over all others.
fn is_beyond_f64(error: &serde_json::Error) -> bool {
    error.to_string().starts_with("number out of range")
}

/// What we have read, as it reads it; `None` where it did not come to the end.
pub(super) fn read_by_serde(bytes: &[u8]) -> Option<Tree> {
    match serde_json::from_slice(bytes) {
        Ok(tree) => Some(tree),
        Err(error) if is_beyond_f64(&error) => None,
        Err(error) => panic!("taken, and serde_json says {error}"),
    }
}

fn same(ours: Value<'_>, tree: &Tree) {
    let text = ours.text();
    assert_eq!(ours.is_null(), *tree == Tree::Null);
    assert_eq!(ours.flag(), if let Tree::Flag(flag) = tree { Some(*flag) } else { None });
    assert_eq!(ours.number(), if let Tree::Number(number) = tree { number.as_u64() } else { None });
    assert_eq!(text.as_ref().map(|text| text.as_str()), tree.text());
    match (ours.items(), tree) {
        (None, tree) => assert!(!matches!(tree, Tree::Items(_))),
        (Some(ours), Tree::Items(items)) => {
            assert_eq!(ours.len(), items.len());
            ours.into_iter().zip(items).for_each(|(ours, item)| same(ours, item));
        }
        (Some(_), tree) => panic!("an array, and it is {tree:?}"),
    }
    match (ours.members(), tree) {
        (None, tree) => assert!(!tree.is_plain_object()),
        (Some(ours), Tree::Members(members)) => {
            assert!(tree.is_plain_object() && ours.len() == members.len());
            for ((our_key, ours), (key, member)) in ours.into_iter().zip(members) {
                assert_eq!(*our_key, *key);
                same(ours, member);
            }
        }
        (Some(_), tree) => panic!("an object, and it is {tree:?}"),
    }
}

/// Where our writer has words for it.
fn comes_back(tree: &Tree) {
    let Some(object) = written(tree) else { return };
    let text = object.finish();
    assert!(!text.contains('\0') && !text.contains('\n'), "{}", *text);
    let read: Tree = serde_json::from_str(&text).expect("what we write is JSON");
    assert_eq!(read, *tree);
}

fn written(tree: &Tree) -> Option<Object> {
    let Tree::Members(members) = tree else { return None };
    members.iter().try_fold(Object::new(), |object, (key, value)| {
        Some(match value {
            Tree::Flag(flag) => object.flag(key, *flag),
            Tree::Number(number) => object.number(key, number.as_u64()?),
            Tree::Text(text) => object.text(key, text),
            Tree::Members(_) => object.object(key, written(value)?),
            Tree::Items(items) => match items.first() {
                Some(Tree::Text(_)) => {
                    let texts: Vec<&str> = items.iter().map(Tree::text).collect::<Option<_>>()?;
                    object.texts(key, texts.into_iter())
                }
                _ => {
                    let objects: Vec<_> = items.iter().map(written).collect::<Option<_>>()?;
                    object.objects(key, objects.into_iter())
                }
            },
            Tree::Null => return None,
        })
    })
}

impl Tree {
    fn depth(&self) -> usize {
        match self {
            Self::Items(items) => 1 + items.iter().map(Self::depth).max().unwrap_or(0),
            Self::Members(members) => 1 + members.iter().map(|(_, member)| member.depth()).max().unwrap_or(0),
            _ => 0,
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The member of this key, in an object that has it once.
    pub(super) fn member(&self, key: &str) -> Option<&Self> {
        let Self::Members(members) = self else { return None };
        let mut found = members.iter().filter(|(known, _)| known == key);
        found.next().filter(|_| found.next().is_none()).map(|(_, value)| value)
    }

    /// With as many members as we read, and none twice.
    fn is_plain_object(&self) -> bool {
        let Self::Members(members) = self else { return false };
        let keys: BTreeSet<&str> = members.iter().map(|(key, _)| key.as_str()).collect();
        keys.len() == members.len() && keys.len() <= MOST_MEMBERS
    }
}

impl<'de> serde::Deserialize<'de> for Tree {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> serde::de::Visitor<'de> for Reader {
    type Value = Tree;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Tree, E> {
        Ok(Tree::Flag(flag))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Tree, E> {
        Ok(Tree::Number(number.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Tree, E> {
        Ok(Tree::Number(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Tree, E> {
        Ok(Tree::Number(Number::from_f64(number).expect("JSON has no other")))
    }

    fn visit_str<E>(self, text: &str) -> Result<Tree, E> {
        Ok(Tree::Text(text.to_owned()))
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut access: A) -> Result<Tree, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Tree::Items(items))
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut access: A) -> Result<Tree, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = access.next_entry()? {
            members.push(member);
        }
        Ok(Tree::Members(members))
    }
}
