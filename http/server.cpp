#include "http/server.hpp"

#include <stdexcept>

#include <pistache/endpoint.h>
#include <pistache/http.h>
#include <pistache/listener.h>
#include <pistache/peer.h>
#include <sys/socket.h>

#include "http/service.hpp"
#include "logging/log.hpp"

// Pistache gives the listening socket, the threads and their event loops. Its parser and its
// writer are not used: the parser refuses harmless headers and loses pipelined requests, the writer
// spins on slow clients and addresses them by descriptor number (H-23, H-24). Reading and writing
// are done by `service`, through a descriptor of its own.

namespace tk::http {

namespace {

/// Key of our connection among a peer's data.
const std::string connection_key = "tk";

/// What a peer carries of ours. It is emptied at the peer's end, not when Pistache frees the peer.
struct slot {
  connection_ptr to;
};

/// Pistache ends peers by its own timeouts with text of its own; ours come long before.
constexpr auto never = std::chrono::hours(24 * 3650);

constexpr size_t unused_parser_bytes = 64;
/// Connections that wait to be accepted when a sale opens; the kernel's `somaxconn` may make it
/// less.
constexpr int backlog = 4096;

/// One copy per reactor thread.
class bridge : public Pistache::Http::Handler {
public:
  HTTP_PROTOTYPE(bridge)

  explicit bridge(std::shared_ptr<service> to)
      : to_(std::move(to)),
        parser_(std::make_shared<Pistache::Http::RequestParser>(unused_parser_bytes)) {
    // nop
  }

  void onRequest(const Pistache::Http::Request&, Pistache::Http::ResponseWriter) override {
    // nop: called by the `onInput` that is overridden below.
  }

  void onDisconnection(const std::shared_ptr<Pistache::Tcp::Peer>& peer) override {
    auto s = slot_of(peer);
    if (!s || !s->to) return;
    auto c = std::move(s->to);
    to_->closed(c);
  }

private:
  static std::shared_ptr<slot> slot_of(const std::shared_ptr<Pistache::Tcp::Peer>& peer) {
    return std::static_pointer_cast<slot>(peer->tryGetData(connection_key));
  }

  void onConnection(const std::shared_ptr<Pistache::Tcp::Peer>& peer) override {
    // Its idle check reads this parser; it stays empty, so one serves all.
    peer->putData(ParserData, parser_);
    peer->setIdle(true);
    auto host = peer->address().host();
    constexpr std::string_view mapped = "::ffff:";
    if (host.rfind(mapped, 0) == 0) host.erase(0, mapped.size());
    if (auto c = to_->opened(peer->fd(), std::move(host)))
      peer->putData(connection_key, std::make_shared<slot>(slot{std::move(c)}));
    else ::shutdown(peer->fd(), SHUT_RDWR);
  }

  void onInput(const char* buffer, size_t size,
               const std::shared_ptr<Pistache::Tcp::Peer>& peer) override {
    auto s = slot_of(peer);
    if (!s || !s->to) return;
    try {
      to_->received(s->to, {buffer, size});
    } catch (const std::exception& e) { // Out of memory: one connection ends, not the thread.
      log_line(log_level::error, "http", "connection_given_up").text("what", e.what());
      ::shutdown(peer->fd(), SHUT_RDWR);
    }
  }

  std::shared_ptr<service> to_;
  std::shared_ptr<Pistache::Http::RequestParser> parser_;
};

} // namespace

struct server::impl {
  std::shared_ptr<service> core;
  std::unique_ptr<Pistache::Http::Endpoint> endpoint;
  uint16_t port = 0;
};

server::server(server_options options, std::vector<route> routes, server_context context)
    : impl_(std::make_unique<impl>()) {
  impl_->core =
    std::make_shared<service>(std::move(options), std::move(routes), std::move(context));
}

server::~server() { stop(); }

void server::start() {
  auto& o = impl_->core->options();
  auto where = o.bind_address + ":" + std::to_string(o.port);
  impl_->endpoint = std::make_unique<Pistache::Http::Endpoint>(
    Pistache::Address(o.bind_address, Pistache::Port(o.port)));
  auto flags = Pistache::Flags<Pistache::Tcp::Options>(Pistache::Tcp::Options::ReuseAddr);
  impl_->endpoint->init(Pistache::Http::Endpoint::options()
                          .threads(o.threads)
                          .threadsName("http")
                          .flags(flags)
                          .headerTimeout(never)
                          .bodyTimeout(never)
                          .keepaliveTimeout(never));
  // Pistache 0.0.5 forgets the backlog of its options: 128. Told once more, to its listener itself.
  impl_->endpoint->initArgs(static_cast<size_t>(o.threads), flags, "http", backlog);
  impl_->endpoint->setHandler(std::make_shared<bridge>(impl_->core));
  impl_->core->start();
  try {
    impl_->endpoint->serveThreaded();
  } catch (const std::exception& e) {
    impl_->endpoint.reset();
    impl_->core->stop();
    throw std::runtime_error("cannot listen on " + where + " (" + e.what() +
                             "): stop what uses it, or choose another PORT");
  }
  impl_->port = static_cast<uint16_t>(impl_->endpoint->getPort());
}

void server::retire() { impl_->core->retire(); }

void server::stop() {
  if (!impl_->endpoint) return;
  impl_->core->drain();
  impl_->core->stop();
  impl_->endpoint->shutdown();
  impl_->endpoint.reset();
}

uint16_t server::port() const { return impl_->port; }

const route_table& server::routes() const { return impl_->core->table(); }

} // namespace tk::http
