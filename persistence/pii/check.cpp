#include "persistence/pii/check.hpp"

namespace tk {

tl::expected<void, std::string> check_keys(pg::connection& db, const pii_vault& vault) {
  // Every shop has an administrator, whose row was written by the seed or the store.
  auto rows = db.query("SELECT email_cipher, email_lookup FROM users WHERE role = 'admin' "
                       "ORDER BY created_at LIMIT 1");
  if (!rows.ok()) return tl::unexpected("DATABASE_URL: cannot read accounts: " + rows.error());
  for (int i = 0; i < rows.rows(); ++i) {
    auto mail = vault.decrypt("email", rows.bytes(i, 0));
    if (!mail)
      return tl::unexpected(std::string{"TIKETI_PII_KEY: is not the key of the stored accounts; "
                                        "give that one, or as TIKETI_PII_KEY_PREVIOUS"});
    if (vault.lookup(*mail) != rows.bytes(i, 1))
      return tl::unexpected(
        std::string{"TIKETI_PII_LOOKUP_KEY: is not the key of the stored accounts; give that one"});
  }
  return {};
}

} // namespace tk
