#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "http/identity.hpp"

/// Who may use the operators' listener: bearer tokens, of which only digests are configured.
namespace tk::http {

/// A reader looks; an operator steers, too.
enum class operator_role : uint8_t { reader = 1, operator_ };

struct operator_token {
  std::string name; ///< Whose it is, for the audit log.
  operator_role role = operator_role::reader;
  std::array<unsigned char, 32> digest{}; ///< SHA-256 of the token.
};

/// Reads `name:role:digest`, one a line or between commas; empty lines and what follows `#` are
/// skipped. The error is for whoever configures, and tells no digest.
tl::expected<std::vector<operator_token>, std::string> parse_operator_tokens(std::string_view text);

/// What the audit log keeps as the id of who bears a token: made of the name alone, so that a new
/// token of the same name is the same person.
user_id operator_id(std::string_view name);

/// Bearers of these tokens. Level `user` of a route is a reader, `admin` an operator.
class operator_authenticator final : public authenticator {
public:
  explicit operator_authenticator(std::vector<operator_token> tokens) : tokens_(std::move(tokens)) {
    // nop
  }
  [[nodiscard]] std::optional<principal> authenticate(std::string_view token,
                                                      instant now) const override;

private:
  std::vector<operator_token> tokens_;
};

} // namespace tk::http
