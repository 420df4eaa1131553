// A Pistache server that answers every request with the same body: what the HTTP library alone can
// do, the reference that the figures of tiketi-bench are printed beside.
//
//   constant-server PORT BYTES
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <sys/socket.h>

#include <pistache/endpoint.h>
#include <pistache/http.h>
#include <pistache/peer.h>

namespace {

std::string body_of(size_t bytes) {
  std::string body = "{\"constant\":\"";
  body.resize(bytes > body.size() + 2 ? bytes - 2 : body.size(), 'x');
  return body + "\"}";
}

class constant : public Pistache::Http::Handler {
public:
  HTTP_PROTOTYPE(constant)
  explicit constant(size_t bytes) : body_(body_of(bytes)) {}

  void onRequest(const Pistache::Http::Request&, Pistache::Http::ResponseWriter out) override {
    // Pistache 0.0.5 has already put `Connection: Close` here for an HTTP/1.1 client that does not
    // ask for keep-alive, and adding does not replace.
    out.headers().remove<Pistache::Http::Header::Connection>();
    out.headers().add<Pistache::Http::Header::Connection>(
      Pistache::Http::ConnectionControl::KeepAlive);
    out.headers().add<Pistache::Http::Header::ContentType>(MIME(Application, Json));
    if (body_.size() > 16 * 1024) {
      // A full send buffer makes the reactor spin, which would flatter whoever is compared.
      int size = 4 << 20;
      setsockopt(out.peer()->fd(), SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    }
    out.send(Pistache::Http::Code::Ok, body_);
  }

private:
  std::string body_;
};

} // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: constant-server PORT BYTES\n", stderr);
    return 64;
  }
  try {
    auto port = static_cast<uint16_t>(std::strtoul(argv[1], nullptr, 10));
    auto server =
      Pistache::Http::Endpoint(Pistache::Address(Pistache::Ipv4::loopback(), Pistache::Port(port)));
    server.init(Pistache::Http::Endpoint::options()
                  .threads(1)
                  .flags(Pistache::Tcp::Options::ReuseAddr)
                  .backlog(1024)
                  .maxRequestSize(64 * 1024)
                  .maxResponseSize(64 << 20));
    server.setHandler(Pistache::Http::make_handler<constant>(std::strtoul(argv[2], nullptr, 10)));
    server.serve();
  } catch (std::exception& e) {
    std::fprintf(stderr, "constant-server: %s\n", e.what());
    return 1;
  }
}
