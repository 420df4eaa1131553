#include "bench/load.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string_view>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace tk::bench {

using clock = std::chrono::steady_clock;

// -- histogram
// -------------------------------------------------------------------------------------

// 24 buckets a doubling, starting at 1 µs: each is 2.9 % wide.
void histogram::add(std::chrono::nanoseconds latency) {
  auto us = std::max(1.0, static_cast<double>(latency.count()) / 1000.0);
  auto i = std::min(buckets - 1, static_cast<size_t>(std::log2(us) * 24.0));
  ++counts_[i];
  ++count_;
}

double histogram::percentile_ms(double p) const {
  if (count_ == 0) return 0;
  auto rank = static_cast<uint64_t>(std::ceil(p * static_cast<double>(count_)));
  uint64_t seen = 0;
  for (size_t i = 0; i < buckets; ++i) {
    seen += counts_[i];
    if (seen >= std::max<uint64_t>(rank, 1))
      return std::exp2(static_cast<double>(i + 1) / 24.0) / 1000.0;
  }
  return 0;
}

// -- result
// ----------------------------------------------------------------------------------------

uint64_t load_result::answers(int status) const {
  auto i = by_status.find(status);
  return i == by_status.end() ? 0 : i->second;
}

uint64_t load_result::answers() const {
  uint64_t sum = 0;
  for (auto& [status, n] : by_status) sum += n;
  return sum;
}

double load_result::per_second(int status) const {
  return seconds > 0 ? static_cast<double>(answers(status)) / seconds : 0;
}

int connect_local(uint16_t port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "socket");
  auto to = sockaddr_in{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    auto why = errno;
    close(fd);
    throw std::system_error(why, std::generic_category(), "connect to the server");
  }
  return fd;
}

int status_of(uint16_t port, std::string_view request, std::chrono::milliseconds patience) {
  int fd = -1;
  try {
    fd = connect_local(port);
  } catch (const std::system_error&) {
    return 0; // Nobody is there.
  }
  auto us = std::chrono::duration_cast<std::chrono::microseconds>(patience).count();
  auto wait = timeval{us / 1'000'000, us % 1'000'000};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
  constexpr size_t from = 9, size = 3; // "HTTP/1.1 200 ..."
  auto answer = std::array<char, from + size + 1>();
  bool told = send(fd, request.data(), request.size(), MSG_NOSIGNAL) > 0 &&
              recv(fd, answer.data(), answer.size(), MSG_WAITALL) == std::ssize(answer);
  close(fd);
  int status = 0;
  if (told) std::from_chars(answer.data() + from, answer.data() + from + size, status);
  return status;
}

// -- one connection
// --------------------------------------------------------------------------------

namespace {

double thread_cpu_s() {
  auto usage = rusage{};
  getrusage(RUSAGE_THREAD, &usage);
  auto s = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return s(usage.ru_utime) + s(usage.ru_stime);
}

struct head {
  int status = 0;
  size_t size = 0; // Head and body.
  bool close = false;
};

bool starts_with_any_case(std::string_view line, std::string_view name) {
  return line.size() >= name.size() &&
         std::equal(name.begin(), name.end(), line.begin(), [](char a, char b) {
           return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b + 32) : b);
         });
}

// Status and length, nothing else. False: the head is not complete yet, or (`broken`) not HTTP.
bool parse_head(std::string_view text, head& out, bool& broken) {
  auto end = text.find("\r\n\r\n");
  if (end == std::string_view::npos) return false;
  if (text.size() < 12 || !text.starts_with("HTTP/1.")) {
    broken = true;
    return false;
  }
  std::from_chars(text.data() + 9, text.data() + 12, out.status);
  size_t length = 0;
  bool has_length = out.status == 204 || out.status == 304;
  for (size_t at = text.find("\r\n") + 2; at < end;) {
    auto stop = text.find("\r\n", at);
    auto line = text.substr(at, stop - at);
    if (starts_with_any_case(line, "content-length:")) {
      auto digits = line.substr(15);
      digits.remove_prefix(std::min(digits.find_first_not_of(' '), digits.size()));
      std::from_chars(digits.data(), digits.data() + digits.size(), length);
      has_length = true;
    } else if (starts_with_any_case(line, "connection: close")) {
      out.close = true;
    }
    at = stop + 2;
  }
  if (!has_length) {
    broken = true;
    return false;
  }
  out.size = end + 4 + length;
  return true;
}

struct connection {
  int fd = -1;
  std::string request;
  size_t sent = 0;
  std::string answer; // As much as was read; big bodies are counted, not kept.
  size_t received = 0;
  head current;
  bool has_head = false;
  bool waiting = false;
  clock::time_point started;
};

class generator {
public:
  generator(const load_options& options, const request_source& next)
      : options_(options), next_(next), connections_(options.connections), buffer_(1 << 18, '\0') {
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    for (size_t i = 0; i < connections_.size(); ++i) open(i);
  }

  ~generator() {
    for (auto& x : connections_)
      if (x.fd >= 0) close(x.fd);
    close(epoll_);
  }

  generator(const generator&) = delete;

  load_result run() {
    auto cpu = thread_cpu_s();
    auto begin = clock::now();
    end_ = begin + options_.duration;
    for (size_t i = 0; i < connections_.size(); ++i) start(i);
    // Answers that are due at the end are waited for, so that none is lost from the count.
    auto patience = end_ + std::chrono::seconds(15);
    auto last = begin;
    std::array<epoll_event, 256> events;
    while (busy_ > 0) {
      int n = epoll_wait(epoll_, events.data(), events.size(), 100);
      for (int i = 0; i < n; ++i) on_event(events[static_cast<size_t>(i)].data.u64);
      if (n > 0) last = clock::now();
      else if (clock::now() > patience) break;
    }
    result_.broken += busy_;
    result_.seconds = std::chrono::duration<double>(last - begin).count();
    result_.cpu_s = thread_cpu_s() - cpu;
    return std::move(result_);
  }

private:
  void open(size_t i) {
    auto& x = connections_[i];
    x.fd = connect_local(options_.port);
    auto event = epoll_event{};
    event.events = EPOLLIN;
    event.data.u64 = i;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, x.fd, &event);
  }

  void reopen(size_t i) {
    auto& x = connections_[i];
    close(x.fd);
    x.fd = -1;
    ++result_.reconnects;
    open(i);
  }

  void start(size_t i) {
    auto& x = connections_[i];
    x.request.clear();
    if (clock::now() >= end_ || !next_(i, x.request)) return;
    x.received = 0;
    x.answer.clear();
    x.has_head = false;
    x.current = {};
    x.waiting = true;
    ++busy_;
    x.started = clock::now();
    // Requests are smaller than the send buffer, and the last answer was read to its end, so this
    // write does not come back half done.
    auto n = send(x.fd, x.request.data(), x.request.size(), MSG_NOSIGNAL);
    if (n != static_cast<ssize_t>(x.request.size())) fail(i);
  }

  void fail(size_t i) {
    auto& x = connections_[i];
    if (x.waiting) {
      x.waiting = false;
      --busy_;
      ++result_.broken;
    }
    reopen(i);
    if (result_.broken < 10'000) start(i);
  }

  void on_event(size_t i) {
    auto& x = connections_[i];
    auto n = recv(x.fd, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) {
      if (x.waiting) fail(i);
      else reopen(i);
      return;
    }
    if (!x.waiting) return fail(i); // Bytes that nobody asked for.
    x.received += static_cast<size_t>(n);
    result_.bytes += static_cast<uint64_t>(n);
    if (!x.has_head || options_.heard) x.answer.append(buffer_.data(), static_cast<size_t>(n));
    if (!x.has_head) {
      bool broken = false;
      x.has_head = parse_head(x.answer, x.current, broken);
      if (broken) return fail(i);
    }
    if (x.has_head && x.received >= x.current.size) finish(i);
  }

  void finish(size_t i) {
    auto& x = connections_[i];
    if (x.received > x.current.size) return fail(i); // More than was asked for: not our answer.
    result_.latency.add(clock::now() - x.started);
    ++result_.by_status[x.current.status];
    if (options_.heard) options_.heard(i, x.current.status, x.answer);
    x.waiting = false;
    --busy_;
    if (x.current.close) reopen(i);
    start(i);
  }

  load_options options_;
  const request_source& next_;
  std::vector<connection> connections_;
  std::string buffer_;
  int epoll_ = -1;
  size_t busy_ = 0;
  clock::time_point end_;
  load_result result_;
};

} // namespace

load_result run_load(const load_options& options, const request_source& next) {
  return generator(options, next).run();
}

} // namespace tk::bench
