#include "cluster/dialer.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include <caf/all.hpp>

namespace tk::cluster {

namespace {

dialled failed(int error) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): glibc's is safe.
  return {nullptr, std::strerror(error), error == ECONNREFUSED};
}

dialled dial_one(const addrinfo& x, millis limit) {
  int fd = socket(x.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return {nullptr, "no socket", false};
  auto out = std::make_shared<open_socket>(fd);
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(fd, x.ai_addr, x.ai_addrlen) != 0 && errno != EINPROGRESS) return failed(errno);
  pollfd one{fd, POLLOUT, 0};
  auto n = poll(&one, 1, static_cast<int>(limit.count()));
  if (n == 0) return {nullptr, "no answer", false};
  int error = 0;
  socklen_t size = sizeof error;
  if (n < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  return error == 0 ? dialled{std::move(out), {}, false} : failed(error);
}

dialled dial(const endpoint& where, millis limit) {
  addrinfo how{};
  how.ai_family = AF_UNSPEC;
  how.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  auto port = std::to_string(where.port);
  if (auto wrong = getaddrinfo(where.host.c_str(), port.c_str(), &how, &found); wrong != 0)
    return {nullptr, gai_strerror(wrong), false};
  std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner{found, &freeaddrinfo};
  dialled out{nullptr, "no address", false};
  bool refused = found != nullptr;
  for (auto* x = found; x != nullptr && !out.socket; x = x->ai_next) {
    out = dial_one(*x, limit);
    refused = refused && out.refused;
  }
  out.refused = refused;
  return out;
}

dialer_actor::behavior_type dialer(dialer_actor::pointer, millis limit) {
  return {[=](const dial_node& x) { return dial(x.where, limit); }};
}

} // namespace

open_socket::~open_socket() {
  if (fd_ >= 0) close(fd_);
}

int open_socket::take() { return std::exchange(fd_, -1); }

endpoint parse_endpoint(const std::string& text) {
  auto colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return {};
  endpoint out;
  out.host = text.substr(0, colon);
  if (out.host.front() == '[' && out.host.back() == ']')
    out.host = out.host.substr(1, out.host.size() - 2);
  auto* end = text.data() + text.size();
  auto [rest, wrong] = std::from_chars(text.data() + colon + 1, end, out.port);
  if (wrong != std::errc{} || rest != end || out.host.empty()) return {};
  return out;
}

dialer_actor spawn_dialer(caf::actor_system& system, millis limit) {
  return system.spawn<caf::detached>(dialer, limit);
}

} // namespace tk::cluster
