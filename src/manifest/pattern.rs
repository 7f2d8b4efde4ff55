//! The forms of texts: a pattern for the schemas, and what it asks for in words.
//!
//! How long a text may be is said by `minLength` and `maxLength`, and not by the pattern: every start of the program makes the patterns
//! ready, and `{1,255}` costs it as much as 255 patterns of one character.

use crate::value::NAME_PATTERN;

/// An absolute path.
pub(crate) const ABSOLUTE_PATH: &str = "^/";
/// A text without spaces. That it is not empty is said by its length.
pub(crate) const NO_SPACES: &str = r"^\S*$";
/// The name of an environment variable.
pub(crate) const VARIABLE: &str = "^[^=]+$";
/// `container` or `container:alias`, each a name.
pub(crate) const LINK: &str = "^[A-Za-z0-9_-]+(:[A-Za-z0-9_-]+)?$";
/// The name that a container has for itself.
pub(crate) const HOSTNAME: &str = "^[A-Za-z0-9_.-]+$";
/// A name in `/etc/hosts`.
pub(crate) const HOST_ENTRY: &str = r"^[^\s:]+$";
/// `user` or `user:group`.
pub(crate) const USER: &str = r"^[^\s:]+(:[^\s:]+)?$";
/// `UID:GID`.
pub(crate) const OWNER: &str = "^[0-9]{1,9}:[0-9]{1,9}$";
/// The permissions of a file.
pub(crate) const MODE: &str = "^0?[0-7]{3}$";
/// `first-last`.
pub(crate) const PORT_RANGE: &str = "^[0-9]{1,5}-[0-9]{1,5}$";
/// What a request asks for.
pub(crate) const REQUEST_PATH: &str = "^/[!-~]*$";
/// The name or the address of a host.
pub(crate) const HOST: &str = "^[A-Za-z0-9_.:-]+$";
/// The name of an HTTP header.
pub(crate) const HEADER_NAME: &str = "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$";
/// The value of an HTTP header.
pub(crate) const HEADER_VALUE: &str = r"^[\t -~]*$";
/// `option` or `option=value` of a mount.
pub(crate) const MOUNT_OPTION: &str = r"^[a-z_]+(=[^\s,]+)?$";
/// A number of GPUs.
pub(crate) const GPUS: &str = "^(ALL|[1-9][0-9]{0,3})$";
/// The operating systems that ECS knows; all but the first are refused with a reason.
pub(crate) const OPERATING_SYSTEM: &str = "^(LINUX|WINDOWS_[A-Z0-9_]+)$";
/// The processor time of a task. Space is that of ASCII, here and below: `\s` would cost three times as much.
pub(crate) const CPU: &str = r"^[ \t\r\n]*([0-9]{1,7}|[0-9]{0,4}[.]?[0-9]{1,4}[ \t\r\n]*[vV][cC][pP][uU])[ \t\r\n]*$";
/// The memory of a task.
pub(crate) const MEMORY: &str = r"^[ \t\r\n]*([0-9]{1,9}|[0-9]{0,6}[.]?[0-9]{1,6}[ \t\r\n]*[gG][bB])[ \t\r\n]*$";

/// What a pattern of this file asks for, as the end of "expected …"; `None` for any other pattern.
pub(crate) fn in_words(pattern: &str) -> Option<&'static str> {
    Some(match pattern {
        NAME_PATTERN => "1 to 255 letters, digits, hyphens and underscores",
        ABSOLUTE_PATH => "an absolute path, which starts with `/`",
        NO_SPACES => "a text without spaces",
        VARIABLE => "a name without `=`",
        LINK => "`container` or `container:alias`",
        HOSTNAME => "1 to 64 letters, digits, hyphens, underscores and dots",
        HOST_ENTRY => "a text without spaces and colons",
        USER => "a user, or a user and a group with a colon between",
        OWNER => "a user and a group as numbers with a colon between, such as \"1000:1000\"",
        MODE => "three octal digits, such as \"0400\"",
        PORT_RANGE => "two ports with a hyphen between, such as 8000-8009",
        REQUEST_PATH => {
            "a path that starts with `/`, without spaces; what is not ASCII is written as `%` and two digits"
        }
        HOST => "the name or the address of a host, without a port",
        HEADER_NAME => "the name of a header: letters, digits and hyphens",
        HEADER_VALUE => "a text in ASCII without line breaks",
        MOUNT_OPTION => "an option of a mount, such as `noexec` or `mode=1777`",
        GPUS => "a whole number as a text, such as \"1\", or ALL",
        OPERATING_SYSTEM => "LINUX",
        CPU => "a number of CPU units, or a text such as `0.5 vCPU`",
        MEMORY => "a number of MiB, or a text such as `1 GB`",
        _ => return None,
    })
}
