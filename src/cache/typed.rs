//! Keys and values of Rust types: [`TypedCache`], a view of a [`Cache`] by serde.
//!
//! ```text
//!  key in the cache     length and text of the view's name │ the key, coded
//!  value in the cache   the value, coded
//! ```
//!
//! The code is that of the crate `postcard`, whose wire format is written down and stays: what one
//! build saves in a snapshot the next one loads.
//!
//! 1. Views with different names share no key, because the name stands before each with its length.
//! 2. Keys that are equal are coded alike: the code is a function of what serde is told of them.
//!
//! Cost: coding, and a copy of what is coded, besides what the call on the bytes costs.
//!
//! Not here: what the calls do (`mod.rs`).

use super::Cache;
use crate::engine::{Expire, TimeToLive, WriteError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::borrow::Borrow;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

/// A view of a [`Cache`] with keys and values of Rust types: [`Cache::typed`].
///
/// A clone is the same view of the same cache. Calls on keys of any borrowed form take what is
/// coded as the key is: `&str` for `String`, `&[T]` for `Vec<T>`.
///
/// ```
/// use evenkeel::{Cache, TypedCache, TypedError};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, PartialEq, Debug)]
/// struct Reader {
///     name: String,
///     visits: u32,
/// }
///
/// let cache = Cache::builder().capacity_bytes(64 << 20).build();
/// let readers: TypedCache<u64, Reader> = cache.typed("readers, version 1");
/// let ada = Reader { name: "ada".to_owned(), visits: 1 };
/// readers.insert(&7, &ada)?;
/// assert_eq!(readers.get(&7)?, Some(ada));
/// assert_eq!(readers.get(&8)?, None);
/// # Ok::<(), TypedError>(())
/// ```
pub struct TypedCache<K, V> {
    cache: Cache,
    /// The name of the view, coded: what each of its keys begins with.
    name: Vec<u8>,
    types: PhantomData<fn(K) -> V>,
}

impl<K, V> Clone for TypedCache<K, V> {
    fn clone(&self) -> Self {
        Self {
            cache: self.cache.clone(),
            name: self.name.clone(),
            types: PhantomData,
        }
    }
}

/// Why a call of a [`TypedCache`] failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TypedError {
    /// The cache refused the write.
    Write(WriteError),
    /// The type refused to be coded, in these words.
    Encode(String),
    /// What is in the cache is no value of this type, in these words: another type had the name.
    Decode(String),
}

impl fmt::Display for TypedError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write(error) => error.fmt(formatter),
            Self::Encode(words) => write!(formatter, "the value can't be coded: {words}"),
            Self::Decode(words) => write!(formatter, "the value is of another type: {words}"),
        }
    }
}

impl std::error::Error for TypedError {}

impl From<WriteError> for TypedError {
    fn from(error: WriteError) -> Self {
        Self::Write(error)
    }
}

impl Cache {
    /// A view of this cache with keys and values of Rust types. All views of a cache share its
    /// limit, its deadlines, its listener and its figures; views with different names share no key.
    ///
    /// The code of a value does not say what type it is of. So a type that changes wants another
    /// name of the view, as by a version in it: old values then age out unread.
    pub fn typed<K, V>(&self, name: &str) -> TypedCache<K, V> {
        let name = postcard::to_allocvec(name).expect("any text can be coded");
        TypedCache {
            cache: self.clone(),
            name,
            types: PhantomData,
        }
    }
}

impl<K: Serialize, V: Serialize + DeserializeOwned> TypedCache<K, V> {
    /// The value of a key, if there is one.
    ///
    /// # Errors
    /// [`TypedError::Encode`] of the key, and [`TypedError::Decode`].
    pub fn get<Q>(&self, key: &Q) -> Result<Option<V>, TypedError>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        // Copied first: decoding runs the type's code, which must not run under the lock.
        let bytes = self.cache.get(self.key(key)?);
        bytes.map(|bytes| decode(&bytes)).transpose()
    }

    /// Sets a key, whatever it held; it lives as long as the builder of the cache said.
    ///
    /// # Errors
    /// [`TypedError::Encode`], and [`TypedError::Write`] as [`Cache::insert`].
    pub fn insert<Q>(&self, key: &Q, value: &V) -> Result<(), TypedError>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        Ok(self.cache.insert(self.key(key)?, encode(value)?)?)
    }

    /// Sets a key, whatever it held; it lives for `lifetime`, to the millisecond.
    ///
    /// # Errors
    /// As [`TypedCache::insert`].
    pub fn insert_for<Q>(&self, key: &Q, value: &V, lifetime: Duration) -> Result<(), TypedError>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        let (key, value) = (self.key(key)?, encode(value)?);
        Ok(self.cache.insert_for(key, value, lifetime)?)
    }

    /// Sets a key that is not there. Returns whether it was not.
    ///
    /// # Errors
    /// As [`TypedCache::insert`].
    pub fn insert_if_absent<Q>(&self, key: &Q, value: &V) -> Result<bool, TypedError>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        let (key, value) = (self.key(key)?, encode(value)?);
        Ok(self.cache.insert_if_absent(key, value)?)
    }

    /// The value of a key; if there is none, what `compute` makes, which is kept under the key: one
    /// caller computes, as for [`Cache::try_get_or_insert_with`].
    ///
    /// # Errors
    /// [`TypedError::Encode`] and [`TypedError::Decode`].
    pub fn get_or_insert_with<Q>(
        &self,
        key: &Q,
        compute: impl FnOnce() -> V,
    ) -> Result<V, TypedError>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        self.try_get_or_insert_with(key, || Ok::<_, TypedError>(compute()))
    }

    /// The value of a key; if there is none, what `compute` makes, which is kept under the key: one
    /// caller computes, as for [`Cache::try_get_or_insert_with`].
    ///
    /// # Errors
    /// What this caller's `compute` says, [`TypedError::Encode`] and [`TypedError::Decode`].
    pub fn try_get_or_insert_with<Q, E>(
        &self,
        key: &Q,
        compute: impl FnOnce() -> Result<V, E>,
    ) -> Result<V, E>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
        E: From<TypedError>,
    {
        let mut computed = None;
        let bytes = self.cache.try_get_or_insert_with(self.key(key)?, || {
            let value = compute()?;
            let bytes = encode(&value)?;
            computed = Some(value);
            Ok::<_, E>(bytes)
        })?;
        match computed {
            Some(value) => Ok(value),
            None => Ok(decode(&bytes)?),
        }
    }

    /// Removes a key. Returns whether there was one.
    ///
    /// # Errors
    /// [`TypedError::Encode`] of the key, as for the calls below.
    pub fn remove<Q>(&self, key: &Q) -> Result<bool, TypedError>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        Ok(self.cache.remove(self.key(key)?))
    }

    /// Whether there is such a key. Neither a hit nor a miss.
    ///
    /// # Errors
    /// As [`TypedCache::remove`].
    pub fn contains<Q>(&self, key: &Q) -> Result<bool, TypedError>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        Ok(self.cache.contains(self.key(key)?))
    }

    /// How long a key lives.
    ///
    /// # Errors
    /// As [`TypedCache::remove`].
    pub fn ttl<Q>(&self, key: &Q) -> Result<TimeToLive, TypedError>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        Ok(self.cache.ttl(self.key(key)?))
    }

    /// Sets when a key expires. Returns whether there is one.
    ///
    /// # Errors
    /// As [`TypedCache::remove`].
    pub fn expire<Q>(&self, key: &Q, expire: Expire) -> Result<bool, TypedError>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        Ok(self.cache.expire(self.key(key)?, expire))
    }

    /// The key in the cache of a key of this view.
    fn key<Q: Serialize + ?Sized>(&self, key: &Q) -> Result<Vec<u8>, TypedError> {
        postcard::to_extend(key, self.name.clone()).map_err(refused)
    }
}

fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, TypedError> {
    postcard::to_allocvec(value).map_err(refused)
}

fn refused(error: postcard::Error) -> TypedError {
    TypedError::Encode(error.to_string())
}

/// The value that these bytes are, all of them.
fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, TypedError> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => Err(TypedError::Decode(format!("{} bytes too many", rest.len()))),
        Err(error) => Err(TypedError::Decode(error.to_string())),
    }
}
