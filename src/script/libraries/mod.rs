//! The libraries that Redis gives its scripts besides Lua's own, and functions that stand in for
//! those of Lua that are not safe.
//!
//! | library | as | file |
//! |---|---|---|
//! | `cjson` | lua-cjson 2.1.0 | `json.rs`, `json_text.rs` |
//! | `cmsgpack` | lua-cmsgpack 0.4.0 | `message_pack.rs` |
//! | `struct` | Redis's | `structs.rs` |
//! | `bit` | LuaBitOp 1.0 | `bits.rs` |
//! | `unpack`, `load`, `loadstring` | Lua 5.1's | `base.rs` |
//! | of `string`: patterns and `rep` | Lua 5.1's | `strings.rs`, `patterns.rs` |
//! | of `table`: what takes time | Lua 5.1's | `tables.rs` |
//!
//! All of it is safe code on a [`Stack`]; frames hold nothing that has to be dropped.
//!
//! Not here: which of it scripts see, and how it is protected (`sandbox.rs`).

mod base;
mod bits;
mod json;
mod json_text;
mod message_pack;
mod number_text;
mod patterns;
mod strings;
mod structs;
mod tables;

use super::stack::Stack;

/// Sets all libraries as fields of the table on top, which has those of Lua, and leaves it there.
pub(super) fn set_all(stack: Stack<'_>) {
    json::push_library(stack);
    stack.set_field(c"cjson");
    message_pack::push_library(stack);
    stack.set_field(c"cmsgpack");
    stack.push_table();
    stack.push_nil();
    stack.set_functions(&structs::FUNCTIONS);
    stack.set_field(c"struct");
    stack.push_table();
    stack.push_nil();
    stack.set_functions(&bits::FUNCTIONS);
    stack.set_field(c"bit");
    stack.push_nil();
    stack.set_functions(&base::FUNCTIONS);
    #[cfg(test)]
    tests::own::keep_own_functions(stack);
    stack.push_field(c"string");
    stack.push_nil();
    stack.set_functions(&strings::FUNCTIONS);
    stack.pop(1);
    stack.push_field(c"table");
    stack.push_nil();
    stack.set_functions(&tables::FUNCTIONS);
    stack.pop(1);
}

#[cfg(test)]
mod tests;
