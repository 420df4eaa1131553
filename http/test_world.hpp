// A server with odd routes and a client that can misbehave, for the tests with real sockets.
#pragma once

#include "caf/test/dsl.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <deque>
#include <thread>

#include <nlohmann/json.hpp>

#include "http/server.hpp"

namespace tk::http::test {

// -- a small world -----------------------------------------------------------------------------

struct counter_entropy : entropy {
  std::atomic<uint64_t> n{1};
  uint64_t next() override { return n++ * 0x9e3779b97f4a7c15ull; }
};

/// Tokens are "user" and "admin".
struct fake_identity : authenticator {
  [[nodiscard]] std::optional<principal> authenticate(std::string_view jwt,
                                                      instant) const override {
    if (jwt != "user" && jwt != "admin") return std::nullopt;
    principal x;
    x.user = user_id{1, jwt == "user" ? 1u : 2u};
    x.role = jwt == "admin" ? "Admin" : "user";
    return x;
  }
};

struct fixed_clock : wall_clock {
  [[nodiscard]] instant now() const override { return from_ms(1'700'000'000'000); }
};

/// Runs tasks on another thread, a little later.
class worker {
public:
  worker() : thread_([this] { run(); }) {
    // nop
  }
  ~worker() {
    {
      std::lock_guard lock(mutex_);
      done_ = true;
    }
    wake_.notify_all();
    thread_.join();
  }
  void add(std::function<void()> x) {
    {
      std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(x));
    }
    wake_.notify_one();
  }

private:
  void run() {
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [this] { return done_ || !tasks_.empty(); });
      if (tasks_.empty()) return;
      auto task = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      task();
      lock.lock();
    }
  }
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> tasks_;
  bool done_ = false;
  std::thread thread_;
};

constexpr size_t big_size = 8u << 20;

struct world {
  counter_entropy random;
  fake_identity identity;
  fixed_clock clock;
  metrics meters;
  server_options options;
  std::vector<exchange_ptr> kept;
  std::mutex mutex;
  std::unique_ptr<worker> later = std::make_unique<worker>();
  std::unique_ptr<server> s;

  world() {
    options.bind_address = "127.0.0.1";
    options.port = 0;
    options.limits = {0, 0, 0, 0, 1000};
  }
  ~world() {
    if (s) s->stop();
    later.reset();
    kept.clear();
  }

  static route make(method verb, std::string path, handler run) {
    route x;
    x.verb = verb;
    x.path = std::move(path);
    x.name = std::string(to_string(verb)) + x.path;
    x.run = std::move(run);
    return x;
  }

  std::vector<route> routes() {
    auto big = std::make_shared<const std::string>(big_size, 'x');
    std::vector<route> out;
    out.push_back(make(method::get, "/api/small", [](const exchange_ptr& x) {
      x->respond(json_text(R"({"q":)" + json_quote(x->req().query("q").value_or("")) + "}"));
    }));
    out.back().queries = {{"q", R"({"type":"string"})", "Said back."}};
    out.push_back(make(method::post, "/api/echo", [](const exchange_ptr& x) {
      x->respond(json_text(json_quote(x->req().body)));
    }));
    out.push_back(make(method::get, "/api/big",
                       [big](const exchange_ptr& x) { x->respond(json_shared(big)); }));
    out.push_back(make(method::get, "/api/own", [](const exchange_ptr& x) {
      x->respond(json_text(std::string(big_size, 'y')));
    }));
    out.push_back(make(method::get, "/api/later/{key:str}", [this](const exchange_ptr& x) {
      later->add([x] { x->respond(json_text("\"" + std::string(x->param("key")) + "\"")); });
    }));
    out.push_back(make(method::get, "/api/keep", [this](const exchange_ptr& x) {
      std::lock_guard lock(mutex);
      kept.push_back(x);
    }));
    out.push_back(make(method::get, "/api/drop", [](const exchange_ptr&) {
      // Nobody answers: the server must.
    }));
    for (auto verb : {method::get, method::post})
      out.push_back(make(verb, "/api/lost", [](const exchange_ptr& x) { x->fail(ec::unknown); }));
    out.push_back(make(method::get, "/api/throw",
                       [](const exchange_ptr&) { throw std::runtime_error("secret"); }));
    out.push_back(make(method::get, "/api/things/{id}", [](const exchange_ptr& x) {
      x->respond(json_text(json_quote(to_string(x->id_param<seat_id>("id")))));
    }));
    out.push_back(make(method::post, "/api/reservations", [](const exchange_ptr& x) {
      x->respond(json_text(json_quote(to_string(x->user()))));
    }));
    out.back().level = http::access::user;
    out.push_back(
      make(method::get, "/api/admin", [](const exchange_ptr& x) { x->respond(json_text("{}")); }));
    out.back().level = http::access::admin;
    return out;
  }

  void start() {
    s = std::make_unique<server>(options, routes(),
                                 server_context{identity, clock, random, meters, {}});
    s->start();
  }
};

// -- a client that can misbehave ---------------------------------------------------------------

struct reply {
  int status = 0; // 0: the connection ended without one.
  std::string head, body;
  [[nodiscard]] bool has(std::string_view text) const {
    return head.find(text) != std::string::npos;
  }
};

class client {
public:
  explicit client(uint16_t port, int receive_buffer = 0) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    if (receive_buffer > 0)
      setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
    timeval t{5, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof(to)) != 0)
      CAF_FAIL("cannot connect");
  }
  ~client() {
    if (fd_ >= 0) ::close(fd_);
  }
  client(const client&) = delete;
  client& operator=(const client&) = delete;

  void send(std::string_view bytes) const {
    while (!bytes.empty()) {
      auto n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return;
      bytes.remove_prefix(static_cast<size_t>(n));
    }
  }
  void shut() const { ::shutdown(fd_, SHUT_WR); }

  reply read_head() {
    reply out;
    size_t end = 0;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos)
      if (!fill()) return out;
    out.head = buffer_.substr(0, end + 2);
    buffer_.erase(0, end + 4);
    out.status = std::stoi(out.head.substr(9, 3));
    return out;
  }
  reply read(bool with_body = true) {
    auto out = read_head();
    auto at = out.head.find("Content-Length: ");
    auto size = at == std::string::npos || !with_body ? 0 : std::stoul(out.head.substr(at + 16));
    while (buffer_.size() < size)
      if (!fill()) return {};
    out.body = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return out;
  }
  /// The next chunk of a chunked body; empty at its end, or when the connection ends.
  std::string read_chunk() {
    size_t line = 0;
    while ((line = buffer_.find("\r\n")) == std::string::npos)
      if (!fill()) return {};
    auto size = std::stoul(buffer_.substr(0, line), nullptr, 16);
    while (buffer_.size() < line + 2 + size + 2)
      if (!fill()) return {};
    auto out = buffer_.substr(line + 2, size);
    buffer_.erase(0, line + 2 + size + 2);
    return out;
  }
  /// What comes until the server closes.
  std::string read_to_end() {
    while (fill()) {
      // nop
    }
    return std::exchange(buffer_, {});
  }
  reply ask(std::string_view bytes) {
    send(bytes);
    return read();
  }
  /// True when the server closes and sends nothing more.
  bool ended() { return buffer_.empty() && !fill() && buffer_.empty(); }

private:
  bool fill() {
    std::array<char, 65536> some;
    auto n = ::recv(fd_, some.data(), some.size(), 0);
    if (n <= 0) return false;
    buffer_.append(some.data(), static_cast<size_t>(n));
    return true;
  }
  int fd_;
  std::string buffer_;
};

inline std::string get(std::string_view target, std::string_view lines = {}) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: h\r\n" + std::string(lines) + "\r\n";
}

inline std::string post(std::string_view target, std::string_view lines, std::string_view body) {
  return "POST " + std::string(target) + " HTTP/1.1\r\nHost: h\r\n" + std::string(lines) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

inline std::string code_of(const reply& x) {
  auto body = nlohmann::json::parse(x.body, nullptr, false);
  if (!body.is_object() || body["error"] != body["message"]) return "no envelope: " + x.body;
  return body.value("code", "");
}

constexpr std::string_view origin = "Origin: http://localhost:3000\r\n";

} // namespace tk::http::test
