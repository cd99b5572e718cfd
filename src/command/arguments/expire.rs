//! `EX seconds | PX milliseconds | EXAT … | PXAT … | KEEPTTL | PERSIST` of SET, GETEX and MSETEX,
//! and the arithmetic from what a client says to a deadline.

use crate::base::numbers::parse_i64;
use crate::protocol::error::ReplyError;

/// How a client states a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::command) struct TimeForm {
    /// Milliseconds per unit.
    pub(in crate::command) unit_ms: i64,
    /// Counted from 1970 instead of from now.
    pub(in crate::command) is_absolute: bool,
}

impl TimeForm {
    pub(in crate::command) const SECONDS: Self = Self {
        unit_ms: 1000,
        is_absolute: false,
    };
    pub(in crate::command) const MILLISECONDS: Self = Self {
        unit_ms: 1,
        is_absolute: false,
    };
    pub(in crate::command) const UNIX_SECONDS: Self = Self {
        unit_ms: 1000,
        is_absolute: true,
    };
    pub(in crate::command) const UNIX_MILLISECONDS: Self = Self {
        unit_ms: 1,
        is_absolute: true,
    };

    /// The form that an option name (`ex`, `pxat` …) stands for.
    pub(in crate::command) fn of_option(name: &[u8]) -> Option<Self> {
        const FORMS: [(&[u8], TimeForm); 4] = [
            (b"ex", TimeForm::SECONDS),
            (b"px", TimeForm::MILLISECONDS),
            (b"exat", TimeForm::UNIX_SECONDS),
            (b"pxat", TimeForm::UNIX_MILLISECONDS),
        ];
        FORMS
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|&(_, form)| form)
    }

    /// The deadline in Unix milliseconds, or `None` if it leaves the range of an `i64`.
    pub(in crate::command) fn deadline_ms(self, amount: i64, now_ms: u64) -> Option<i64> {
        let base_ms = if self.is_absolute {
            0
        } else {
            i64::try_from(now_ms).ok()?
        };
        amount.checked_mul(self.unit_ms)?.checked_add(base_ms)
    }

    /// As [`TimeForm::deadline_ms`] for options and SETEX, where the amount must be positive.
    ///
    /// # Errors
    /// Redis's words for what is not an integer, or not a time.
    pub(in crate::command) fn positive_deadline_ms(
        self,
        text: &[u8],
        now_ms: u64,
        command: &str,
    ) -> Result<u64, ReplyError> {
        let amount = parse_i64(text).ok_or(ReplyError::NOT_INTEGER)?;
        let deadline_ms = self.deadline_ms(amount, now_ms).filter(|_| amount > 0);
        deadline_ms
            .and_then(|deadline_ms| u64::try_from(deadline_ms).ok())
            .ok_or_else(|| ReplyError::invalid_expire_time(command))
    }
}

/// What the options of one request say about the deadline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::command) enum ExpireOption<'a> {
    /// Nothing.
    #[default]
    None,
    /// KEEPTTL.
    Keep,
    /// PERSIST.
    Persist,
    /// A time and its text, which is checked when all options are known.
    At(TimeForm, &'a [u8]),
}

impl<'a> ExpireOption<'a> {
    /// Takes one option and perhaps its argument; returns how many arguments it took, 0 if it is
    /// none of these or contradicts an earlier one. A repeated form of time replaces the earlier.
    pub(in crate::command) fn take(&mut self, name: &[u8], next: Option<&'a [u8]>) -> usize {
        let (option, taken) = if name.eq_ignore_ascii_case(b"keepttl") {
            (Self::Keep, 1)
        } else if name.eq_ignore_ascii_case(b"persist") {
            (Self::Persist, 1)
        } else if let (Some(form), Some(text)) = (TimeForm::of_option(name), next) {
            (Self::At(form, text), 2)
        } else {
            return 0;
        };
        let is_compatible = match (*self, option) {
            (Self::None, _) | (Self::Keep, Self::Keep) | (Self::Persist, Self::Persist) => true,
            (Self::At(old, _), Self::At(new, _)) => old == new,
            _ => false,
        };
        if !is_compatible {
            return 0;
        }
        *self = option;
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contradicting_options_are_not_taken() {
        let mut option = ExpireOption::None;
        assert_eq!(option.take(b"EX", Some(b"10")), 2);
        assert_eq!(option.take(b"ex", Some(b"20")), 2);
        assert_eq!(option, ExpireOption::At(TimeForm::SECONDS, b"20"));
        assert_eq!(option.take(b"PX", Some(b"20")), 0);
        assert_eq!(option.take(b"KEEPTTL", None), 0);
        assert_eq!(ExpireOption::None.take(b"EX", None), 0);
    }

    #[test]
    fn times_outside_the_range_are_refused() {
        let form = TimeForm::SECONDS;
        assert_eq!(form.positive_deadline_ms(b"2", 500, "set"), Ok(2_500));
        assert_eq!(
            form.positive_deadline_ms(b"x", 0, "set"),
            Err(ReplyError::NOT_INTEGER)
        );
        for text in [
            &b"0"[..],
            b"-1",
            b"9223372036854775807",
            b"9223372036854775",
        ] {
            let refused = form.positive_deadline_ms(text, 1 << 40, "set");
            assert_eq!(refused, Err(ReplyError::invalid_expire_time("set")));
        }
    }
}
