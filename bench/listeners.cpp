#include "bench/listeners.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <string_view>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace tk::bench {

using clock = std::chrono::steady_clock;

namespace {

constexpr size_t data_max = 4096;

double thread_seconds() {
  auto usage = rusage{};
  getrusage(RUSAGE_THREAD, &usage);
  auto s = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return s(usage.ru_utime) + s(usage.ru_stime);
}

// What stands between `from` and the next `to`.
std::string_view between(std::string_view text, std::string_view from, std::string_view to) {
  auto at = text.find(from);
  if (at == std::string_view::npos) return {};
  at += from.size();
  return text.substr(at, text.find(to, at) - at);
}

} // namespace

listeners::listeners(uint16_t port, const std::vector<std::string>& requests)
    : streams_(requests.size()),
      buffer_(1 << 18, '\0'),
      marked_(clock::now()),
      epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  for (size_t i = 0; i < streams_.size(); ++i) {
    auto& x = streams_[i];
    x.fd = connect_local(port);
    auto event = epoll_event{};
    event.events = EPOLLIN;
    event.data.u64 = i;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, x.fd, &event);
    auto n = send(x.fd, requests[i].data(), requests[i].size(), MSG_NOSIGNAL);
    x.so_far.broken = n != static_cast<ssize_t>(requests[i].size());
  }
  thread_ = std::thread([this] { run(); });
}

listeners::~listeners() {
  stopping_ = true;
  thread_.join();
  for (auto& x : streams_) close(x.fd);
  close(epoll_);
}

void listeners::clear() {
  std::lock_guard lock(mutex_);
  latency_ = {};
}

void listeners::mark() {
  std::lock_guard lock(mutex_);
  marked_ = clock::now();
}

bool listeners::wait_for(uint64_t events, std::chrono::milliseconds patience) {
  auto until = clock::now() + patience;
  for (;;) {
    {
      std::lock_guard lock(mutex_);
      if (std::ranges::all_of(
            streams_, [&](auto& x) { return x.so_far.broken || x.so_far.events >= events; }))
        return true;
    }
    if (clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

std::vector<heard> listeners::all() {
  std::lock_guard lock(mutex_);
  std::vector<heard> out;
  out.reserve(streams_.size());
  for (auto& x : streams_) out.push_back(x.so_far);
  return out;
}

histogram listeners::latency() {
  std::lock_guard lock(mutex_);
  return latency_;
}

void listeners::run() {
  std::array<epoll_event, 256> events;
  while (!stopping_) {
    int n = epoll_wait(epoll_, events.data(), events.size(), 50);
    std::lock_guard lock(mutex_);
    for (int i = 0; i < n; ++i) read(streams_[events[static_cast<size_t>(i)].data.u64]);
    cpu_s_ = thread_seconds();
  }
}

void listeners::read(stream& x) {
  auto n = recv(x.fd, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) {
    x.so_far.broken = true;
    epoll_ctl(epoll_, EPOLL_CTL_DEL, x.fd, nullptr);
    return;
  }
  bytes_ += static_cast<uint64_t>(n);
  x.unread.append(buffer_.data(), static_cast<size_t>(n));
  if (!x.head_read) take_head(x);
  if (x.head_read) take_events(x);
}

void listeners::take_head(stream& x) {
  auto end = x.unread.find("\r\n\r\n");
  if (end == std::string::npos) return;
  auto head = std::string_view(x.unread).substr(0, end + 2);
  x.so_far.broken = !head.starts_with("HTTP/1.1 200 ");
  x.so_far.cookie = between(head, "Set-Cookie: ", ";");
  x.head_read = true;
  x.unread.erase(0, end + 4);
}

// An event begins with its id, and no event is cut by the framing of chunks.
void listeners::take_events(stream& x) {
  for (;;) {
    auto begin = x.unread.find("id: ");
    auto end = begin == std::string::npos ? begin : x.unread.find("\n\n", begin);
    if (end == std::string::npos) break;
    auto event = std::string_view(x.unread).substr(begin, end - begin);
    auto number = between(event, "id: ", "\n");
    std::from_chars(number.data(), number.data() + number.size(), x.so_far.last_id);
    if (event.size() <= data_max) x.so_far.last_data = event;
    ++x.so_far.events;
    latency_.add(clock::now() - marked_);
    x.unread.erase(0, end + 2);
  }
  if (x.unread.find("id: ") == std::string::npos && x.unread.size() > data_max) x.unread.clear();
}

} // namespace tk::bench
