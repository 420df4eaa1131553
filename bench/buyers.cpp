#include <nlohmann/json.hpp>

#include "bench/bench.hpp"

/// Buyers who reserve a seat, prepare its payment and confirm it, one step after the other.
namespace tk::bench {

namespace {

constexpr size_t connections = 64;

using json = nlohmann::json;

enum class step : uint8_t { reserve, prepare, confirm };

/// One connection: somebody buys on it, then the next one does.
struct buyer {
  uint64_t number = 0;
  step next = step::reserve;
  bool busy = false;
  std::string reservation, order;
  int64_t amount = 0;
  std::chrono::steady_clock::time_point began;
};

class crowd {
public:
  crowd(const shop& x, uint64_t first, uint64_t count)
      : first_(first), count_(count), buyers_(connections) {
    tokens_.reserve(count);
    for (auto n = first; n < first + count; ++n) tokens_.push_back(x.token(n));
  }

  bool next(size_t at, std::string& to) {
    auto& who = buyers_.at(at);
    if (!who.busy) {
      if (begun_ == count_) return false;
      who = {};
      who.busy = true;
      who.number = first_ + seat_in_turn(begun_++);
      who.began = std::chrono::steady_clock::now();
    }
    auto& token = tokens_.at(who.number - first_);
    switch (who.next) {
    case step::reserve:
      to = reserve_request(token, who.number / buyers_an_event, who.number);
      break;
    case step::prepare:
      to = post_request("/api/v1/payments/prepare", token,
                        json{{"reservationId", who.reservation}}.dump());
      break;
    case step::confirm:
      to = post_request(
        "/api/v1/payments/confirm", token,
        json{{"paymentKey", "bench-" + who.order}, {"orderId", who.order}, {"amount", who.amount}}
          .dump());
      break;
    }
    return true;
  }

  void hear(size_t at, int status, std::string_view answer) {
    auto& who = buyers_.at(at);
    auto body =
      json::parse(answer.substr(std::min(answer.size(), answer.find("\r\n\r\n"))), nullptr, false);
    if (status != 200 || !body.is_object()) {
      who.busy = false; // Gives up; it is counted by its status.
      return;
    }
    if (who.next == step::reserve) {
      who.reservation = body.value("reservationId", "");
      who.next = step::prepare;
    } else if (who.next == step::prepare) {
      who.order = body.value("orderId", "");
      who.amount = body.value("amount", int64_t{0});
      who.next = step::confirm;
    } else {
      who.busy = false;
      ++done_;
      whole_.add(std::chrono::steady_clock::now() - who.began);
    }
  }

  [[nodiscard]] uint64_t done() const { return done_; }
  [[nodiscard]] const histogram& whole() const { return whole_; }

private:
  /// Neighbours in time are not neighbours in the hall: sixteen places are bought from at once.
  [[nodiscard]] uint64_t seat_in_turn(uint64_t i) const {
    constexpr uint64_t places = 16;
    auto each = count_ / places;
    return i < each * places ? i % places * each + i / places : i;
  }

  uint64_t first_, count_, begun_ = 0, done_ = 0;
  std::vector<std::string> tokens_;
  std::vector<buyer> buyers_;
  histogram whole_;
};

} // namespace

purchases buy_whole(shop& x, report& out, uint64_t first, uint64_t count,
                    const std::string& label) {
  auto all = crowd{x, first, count};
  auto load = load_options{x.port(), connections, std::chrono::seconds(120)};
  load.heard = [&](size_t at, int status, std::string_view answer) {
    all.hear(at, status, answer);
  };
  auto result = measure(x, load, [&](size_t at, std::string& to) { return all.next(at, to); });
  out.add("buy, requests" + label, result.load, 200, result.node_cpu_s, result.postgres_cpu_s);
  purchases done;
  done.done = static_cast<double>(all.done());
  done.seconds = result.load.seconds;
  auto cores = (result.node_cpu_s + result.postgres_cpu_s + result.load.cpu_s) / done.seconds;
  out.add(figure{"completed purchases" + label, done.done / done.seconds, "/s",
                 "whole p50 " + std::to_string(all.whole().percentile_ms(0.5)) + " ms, p99 " +
                   std::to_string(all.whole().percentile_ms(0.99)) + " ms; " +
                   std::to_string(cores) + " cores of node, PostgreSQL and buyers"});
  out.add(goal{"every buyer has bought" + label, done.done / static_cast<double>(count), 1, true});
  return done;
}

} // namespace tk::bench
