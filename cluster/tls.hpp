#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "actors/base/time.hpp"

struct ssl_ctx_st; // OpenSSL's SSL_CTX and SSL.
struct ssl_st;

/// TLS between nodes (S27), without a socket: bytes go in, bytes come out. Both sides show a
/// certificate of the cluster's own authority; what OpenSSL does not look at is looked at here.
namespace tk::cluster {

/// Three PEM files. Only certificates of this authority are believed, whatever the machine trusts.
struct tls_files {
  std::string certificate; ///< This node's, with the chain up to the authority.
  std::string key;
  std::string authority;
  [[nodiscard]] bool empty() const {
    return certificate.empty() && key.empty() && authority.empty();
  }
};

/// The organisational unit in a node's certificate. Operators and others may have certificates of
/// the same authority; they are not nodes.
constexpr const char* node_role = "tiketi-node";

class tls_context {
public:
  /// Or what is wrong with the files, in words for whoever starts the node.
  static tl::expected<tls_context, std::string> load(const tls_files& files);
  /// Until then others of the same files believe it: the first end of this node's certificates, or
  /// the last one of its authorities.
  [[nodiscard]] instant ends_at() const { return ends_at_; }

private:
  friend class tls_session;
  std::shared_ptr<ssl_ctx_st> context_;
  instant ends_at_;
};

enum class tls_side : uint8_t { asks, answers };

/// One connection's TLS, from the first byte on.
class tls_session {
public:
  /// The side that asks has dialled `host`, and the other's certificate must be for it.
  tls_session(const tls_context& context, tls_side side, const std::string& host = {});

  /// Takes what arrived and appends what was in it to `plain`. False: the session is over, `error`
  /// says why.
  bool feed(std::span<const char> bytes, std::vector<char>& plain);
  /// Encrypts; what is said before the handshake is over waits for its end.
  bool say(std::span<const char> plain);
  /// Appends what is to be sent.
  void take(std::vector<char>& out);
  /// Both certificates have been seen and are right.
  [[nodiscard]] bool established() const { return established_; }
  /// Whether the other's certificate is for `host`, a name or an address.
  [[nodiscard]] bool is_for(const std::string& host) const;
  [[nodiscard]] const std::string& error() const { return error_; }

private:
  bool advance();
  bool fail(const char* what);
  std::string wrong_role() const;

  std::shared_ptr<ssl_st> session_;
  bool established_ = false;
  std::vector<char> unsaid_;
  std::string error_;
};

} // namespace tk::cluster
