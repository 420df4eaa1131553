#include "cluster/tls.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <ctime>

namespace tk::cluster {

namespace {

using problem = tl::unexpected<std::string>;

/// The last thing OpenSSL complained about; nothing of the keys is ever in it.
std::string why() {
  auto code = ERR_get_error();
  ERR_clear_error();
  std::array<char, 256> text{};
  if (code == 0) return "no reason given";
  ERR_error_string_n(code, text.data(), text.size());
  return text.data();
}

bool is_address(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> out{};
  return inet_pton(AF_INET, host.c_str(), out.data()) == 1 ||
         inet_pton(AF_INET6, host.c_str(), out.data()) == 1;
}

using x509_ptr = std::unique_ptr<X509, decltype(&X509_free)>;

/// The epoch for what is no time: it has ended, then.
instant end_of(const X509* x) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(x), &parts) != 1) return {};
  constexpr int64_t second_ms = 1000;
  return from_ms(timegm(&parts) * second_ms);
}

instant end_of(SSL_CTX* context) {
  auto out = end_of(SSL_CTX_get0_certificate(context));
  STACK_OF(X509)* chain = nullptr;
  SSL_CTX_get0_chain_certs(context, &chain);
  for (int i = 0; i < sk_X509_num(chain); ++i) out = std::min(out, end_of(sk_X509_value(chain, i)));
  instant authorities;
  auto* believed = X509_STORE_get0_objects(SSL_CTX_get_cert_store(context));
  for (int i = 0; i < sk_X509_OBJECT_num(believed); ++i)
    if (auto* one = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(believed, i)))
      authorities = std::max(authorities, end_of(one));
  return std::min(out, authorities);
}

x509_ptr peer_of(SSL* x) { return {SSL_get1_peer_certificate(x), &X509_free}; }

} // namespace

tl::expected<tls_context, std::string> tls_context::load(const tls_files& files) {
  ERR_clear_error();
  tls_context out;
  out.context_ = {SSL_CTX_new(TLS_method()), &SSL_CTX_free};
  auto* x = out.context_.get();
  if (x == nullptr) return problem("TLS cannot be set up: " + why());
  SSL_CTX_set_min_proto_version(x, TLS1_2_VERSION);
  SSL_CTX_set_mode(x, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                        SSL_MODE_RELEASE_BUFFERS);
  // Without certificates nobody speaks: no anonymous ciphers, no session that outlives its check.
  SSL_CTX_set_verify(x, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_session_cache_mode(x, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(x, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  if (SSL_CTX_use_certificate_chain_file(x, files.certificate.c_str()) != 1)
    return problem(files.certificate + ": not a certificate (" + why() + ")");
  if (SSL_CTX_use_PrivateKey_file(x, files.key.c_str(), SSL_FILETYPE_PEM) != 1)
    return problem(files.key + ": not the certificate's key (" + why() + ")");
  if (SSL_CTX_load_verify_locations(x, files.authority.c_str(), nullptr) != 1)
    return problem(files.authority + ": not an authority's certificate (" + why() + ")");
  out.ends_at_ = end_of(x);
  return out;
}

tls_session::tls_session(const tls_context& context, tls_side side, const std::string& host)
    : session_(SSL_new(context.context_.get()), &SSL_free) {
  SSL_set_bio(session_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  if (side == tls_side::answers) {
    SSL_set_accept_state(session_.get());
  } else {
    SSL_set_connect_state(session_.get());
    auto* rules = SSL_get0_param(session_.get());
    if (is_address(host)) X509_VERIFY_PARAM_set1_ip_asc(rules, host.c_str());
    else X509_VERIFY_PARAM_set1_host(rules, host.c_str(), host.size());
    advance(); // Says the first word.
  }
}

bool tls_session::fail(const char* what) {
  if (error_.empty()) error_ = std::string{what} + ": " + why();
  return false;
}

/// Empty when the other side's certificate is a node's.
std::string tls_session::wrong_role() const {
  auto certificate = peer_of(session_.get());
  if (!certificate) return "no certificate";
  auto* subject = X509_get_subject_name(certificate.get());
  std::array<char, 128> unit{};
  auto n = X509_NAME_get_text_by_NID(subject, NID_organizationalUnitName, unit.data(),
                                     static_cast<int>(unit.size()));
  if (n < 0 || std::string{unit.data()} != node_role) return "its certificate is not a node's";
  return {};
}

bool tls_session::advance() {
  if (established_) return true;
  ERR_clear_error();
  auto done = SSL_do_handshake(session_.get());
  if (done == 1) {
    if (error_ = wrong_role(); !error_.empty()) return false;
    established_ = true;
    auto waiting = std::exchange(unsaid_, {});
    return waiting.empty() || say(waiting);
  }
  auto state = SSL_get_error(session_.get(), done);
  return state == SSL_ERROR_WANT_READ || state == SSL_ERROR_WANT_WRITE || fail("handshake");
}

bool tls_session::feed(std::span<const char> bytes, std::vector<char>& plain) {
  if (!error_.empty()) return false;
  BIO_write(SSL_get_rbio(session_.get()), bytes.data(), static_cast<int>(bytes.size()));
  if (!advance()) return false;
  if (!established_) return true;
  std::array<char, 16'384> part{};
  for (;;) {
    ERR_clear_error();
    auto n = SSL_read(session_.get(), part.data(), static_cast<int>(part.size()));
    if (n > 0) {
      plain.insert(plain.end(), part.begin(), part.begin() + n);
      continue;
    }
    auto state = SSL_get_error(session_.get(), n);
    return state == SSL_ERROR_WANT_READ || fail("reading");
  }
}

bool tls_session::say(std::span<const char> plain) {
  if (!error_.empty()) return false;
  if (!established_) {
    unsaid_.insert(unsaid_.end(), plain.begin(), plain.end());
    return true;
  }
  while (!plain.empty()) { // A memory BIO takes everything, a record at a time.
    ERR_clear_error();
    auto n = SSL_write(session_.get(), plain.data(), static_cast<int>(plain.size()));
    if (n <= 0) return fail("writing");
    plain = plain.subspan(static_cast<size_t>(n));
  }
  return true;
}

void tls_session::take(std::vector<char>& out) {
  auto* bio = SSL_get_wbio(session_.get());
  auto size = out.size();
  auto waiting = BIO_ctrl_pending(bio);
  out.resize(size + waiting);
  auto n = waiting == 0 ? 0 : BIO_read(bio, out.data() + size, static_cast<int>(waiting));
  out.resize(size + static_cast<size_t>(std::max(n, 0)));
}

bool tls_session::is_for(const std::string& host) const {
  auto certificate = peer_of(session_.get());
  if (!certificate) return false;
  return is_address(host)
           ? X509_check_ip_asc(certificate.get(), host.c_str(), 0) == 1
           : X509_check_host(certificate.get(), host.c_str(), host.size(), 0, nullptr) == 1;
}

} // namespace tk::cluster
