#include "http/connection.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

namespace tk::http {

namespace {

constexpr size_t early_bytes_max = 64 * 1024;
constexpr size_t flush_bytes_max = 256 * 1024;

} // namespace

connection::connection(int socket, std::string client, size_t head_bytes_max)
    : address(std::move(client)), input(head_bytes_max), fd_(fcntl(socket, F_DUPFD_CLOEXEC, 0)) {
  int on = 1;
  if (fd_ >= 0) setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

connection::~connection() {
  if (fd_ >= 0) ::close(fd_);
}

flush_result connection::flush() {
  auto end = out.sent + flush_bytes_max;
  while (out.sent < out.size()) {
    if (out.sent >= end) return flush_result::partly;
    auto content = out.content();
    std::array<iovec, 2> parts{};
    size_t n = 0;
    if (out.sent < out.head.size())
      parts[n++] = {out.head.data() + out.sent, out.head.size() - out.sent};
    auto skip = out.sent > out.head.size() ? out.sent - out.head.size() : 0;
    if (skip < content.size())
      parts[n++] = {const_cast<char*>(content.data()) + skip,
                    std::min(content.size() - skip, end - out.sent)};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = n;
    auto written = ::sendmsg(fd_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (written < 0) {
      if (errno == EINTR) continue;
      return errno == EAGAIN || errno == EWOULDBLOCK ? flush_result::partly : flush_result::broken;
    }
    out.sent += static_cast<size_t>(written);
    sent_total += static_cast<uint64_t>(written);
  }
  return flush_result::all;
}

bool connection::finish(steady::time_point now) {
  out = {};
  if (input_ended) {
    abort();
    return false;
  }
  if (close_after) {
    close_gently(now);
    return false;
  }
  at = phase::reading;
  since = now;
  return !early.empty() && !looping;
}

void connection::abort() {
  at = phase::dead;
  out = {};
  early = {};
  ::shutdown(fd_, SHUT_RDWR);
}

void connection::close_gently(steady::time_point now) {
  at = phase::closing;
  since = now;
  early = {};
  ::shutdown(fd_, SHUT_WR);
}

void connection::stash(std::string_view bytes) {
  if (close_after) return;
  if (early.size() + bytes.size() > early_bytes_max) {
    close_after = true;
    early = {};
    return;
  }
  early += bytes;
}

void connection::tune_for_stream() const {
  // What waits in the socket is old when it arrives, and memory of the machine.
  int buffer = 64 * 1024;
  unsigned unreachable_ms = 30'000; // Comments go unacknowledged.
  setsockopt(fd_, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
  setsockopt(fd_, IPPROTO_TCP, TCP_USER_TIMEOUT, &unreachable_ms, sizeof(unreachable_ms));
}

bool connection::send_now(std::string_view bytes) {
  auto n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  return n == static_cast<ssize_t>(bytes.size());
}

} // namespace tk::http
