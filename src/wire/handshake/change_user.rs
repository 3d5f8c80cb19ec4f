//! COM_CHANGE_USER: another login on the same connection.
//! <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_change_user.html>
use super::{auth_answer, nul_or_rest, push_auth_answer, push_nul};
use crate::wire::{
    Malformed,
    capability::CapabilityFlags,
    lenenc::{Reader, push_bytes},
};

/// COM_CHANGE_USER's fields (the payload without its command byte).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeUser {
    /// The new user.
    pub user: Vec<u8>,
    /// The answer to the greeting's challenge, mostly empty: the server switches anyway.
    pub auth: Vec<u8>,
    /// Empty: none.
    pub schema: Vec<u8>,
    /// A collation's id. Without it nothing follows either.
    pub charset: Option<u16>,
    /// The plugin that made `auth`.
    pub auth_plugin: Option<Vec<u8>>,
    /// Raw key/value block of connection attributes, behind its length; empty if none.
    pub attributes: Vec<u8>,
}

impl ChangeUser {
    /// `capabilities`: those of the login.
    pub fn parse(payload: &[u8], capabilities: CapabilityFlags) -> Result<ChangeUser, Malformed> {
        const WHAT: &str = "COM_CHANGE_USER";
        let mut reader = Reader::new(payload);
        let user = reader.nul_bytes(WHAT)?.to_vec();
        let auth = auth_answer(&mut reader, capabilities)?.to_vec();
        let schema = nul_or_rest(&mut reader).to_vec();
        let charset = if reader.rest.is_empty() { None } else { Some(reader.u16(WHAT)?) };
        let more = |reader: &Reader<'_>, bit| capabilities.contains(bit) && !reader.rest.is_empty();
        let plugin = more(&reader, CapabilityFlags::CLIENT_PLUGIN_AUTH);
        let auth_plugin = plugin.then(|| nul_or_rest(&mut reader).to_vec());
        let attributes = if more(&reader, CapabilityFlags::CLIENT_CONNECT_ATTRS) {
            reader.lenenc_bytes(WHAT)?.to_vec()
        } else {
            Vec::new()
        };
        Ok(ChangeUser { user, auth, schema, charset, auth_plugin, attributes })
    }

    /// Appends the fields, without the command byte. A plugin or attributes without a charset are left out.
    pub fn push(&self, out: &mut Vec<u8>, capabilities: CapabilityFlags) {
        push_nul(out, &self.user);
        push_auth_answer(out, &self.auth, capabilities);
        push_nul(out, &self.schema);
        let Some(charset) = self.charset else { return };
        out.extend_from_slice(&charset.to_le_bytes());
        if !capabilities.contains(CapabilityFlags::CLIENT_PLUGIN_AUTH) {
            return self.push_attributes(out, capabilities);
        }
        let Some(plugin) = &self.auth_plugin else { return };
        push_nul(out, plugin);
        self.push_attributes(out, capabilities);
    }

    fn push_attributes(&self, out: &mut Vec<u8>, capabilities: CapabilityFlags) {
        if capabilities.contains(CapabilityFlags::CLIENT_CONNECT_ATTRS) {
            push_bytes(out, &self.attributes);
        }
    }
}
