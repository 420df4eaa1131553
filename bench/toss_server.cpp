// A provider for the bench: every confirmation is granted, some milliseconds after it was asked
// for, in the words of Toss Payments. It remembers nothing: the fake of the tests does
// (tests/integration/payment).
//
//   toss-server PORT DELAY_MS
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <exception>
#include <mutex>
#include <string>
#include <thread>

#include <nlohmann/json.hpp>
#include <pistache/endpoint.h>
#include <pistache/http.h>

namespace {

using clock_type = std::chrono::steady_clock;
using json = nlohmann::json;

/// Sends answers when they are due; all wait equally long, so they are due in order.
class postman {
public:
  explicit postman(std::chrono::milliseconds delay) : delay_(delay) {}
  ~postman() {
    {
      std::lock_guard guard{mutex_};
      ends_ = true;
    }
    something_.notify_one();
    thread_.join();
  }
  postman(const postman&) = delete;

  void send(Pistache::Http::ResponseWriter to, std::string body) {
    {
      std::lock_guard guard{mutex_};
      letters_.push_back({clock_type::now() + delay_, std::move(to), std::move(body)});
    }
    something_.notify_one();
  }

private:
  struct letter {
    clock_type::time_point due;
    Pistache::Http::ResponseWriter to;
    std::string body;
  };

  void run() {
    std::unique_lock guard{mutex_};
    for (;;) {
      something_.wait(guard, [this] { return ends_ || !letters_.empty(); });
      if (ends_) return;
      auto next = std::move(letters_.front());
      letters_.pop_front();
      guard.unlock();
      std::this_thread::sleep_until(next.due);
      next.to.headers().add<Pistache::Http::Header::ContentType>(MIME(Application, Json));
      next.to.send(Pistache::Http::Code::Ok, next.body);
      guard.lock();
    }
  }

  const std::chrono::milliseconds delay_;
  std::mutex mutex_;
  std::condition_variable something_;
  bool ends_ = false;
  std::deque<letter> letters_;
  std::thread thread_{[this] { run(); }};
};

class provider : public Pistache::Http::Handler {
public:
  HTTP_PROTOTYPE(provider)
  explicit provider(std::shared_ptr<postman> post) : post_(std::move(post)) {}

  void onRequest(const Pistache::Http::Request& asked,
                 Pistache::Http::ResponseWriter out) override {
    auto wish = json::parse(asked.body(), nullptr, false);
    if (asked.resource() != "/v1/payments/confirm" || !wish.is_object()) {
      out.send(Pistache::Http::Code::Not_Found, R"({"code":"NOT_FOUND_PAYMENT","message":"-"})");
      return;
    }
    json body = {{"paymentKey", wish.value("paymentKey", "")},
                 {"orderId", wish.value("orderId", "")},
                 {"totalAmount", wish.value("amount", 0)},
                 {"currency", "KRW"},
                 {"status", "DONE"},
                 {"approvedAt", now_text()}};
    post_->send(std::move(out), body.dump());
  }

private:
  static std::string now_text() {
    auto now = std::time(nullptr);
    std::tm parts{};
    gmtime_r(&now, &parts);
    char text[32];
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S+00:00", &parts);
    return text;
  }

  std::shared_ptr<postman> post_;
};

} // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: toss-server PORT DELAY_MS\n", stderr);
    return 64;
  }
  try {
    auto port = static_cast<uint16_t>(std::strtoul(argv[1], nullptr, 10));
    auto delay = std::chrono::milliseconds{std::strtol(argv[2], nullptr, 10)};
    Pistache::Http::Endpoint server{
      Pistache::Address(Pistache::Ipv4::loopback(), Pistache::Port(port))};
    server.init(Pistache::Http::Endpoint::options()
                  .threads(1)
                  .flags(Pistache::Tcp::Options::ReuseAddr)
                  .backlog(1024)
                  .maxRequestSize(64 * 1024));
    server.setHandler(Pistache::Http::make_handler<provider>(std::make_shared<postman>(delay)));
    server.serve();
  } catch (std::exception& e) {
    std::fprintf(stderr, "toss-server: %s\n", e.what());
    return 1;
  }
}
