#include "http/api/login_throttle.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

namespace tk::http {

namespace {

/// As long as a place counts as the account's own without another log-in from there.
constexpr millis familiar_for = std::chrono::hours(24 * 30);

/// Whoever has one IPv6 address has its whole network of 64 bits.
std::string place_of(std::string_view address) {
  std::string text{address};
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  if (inet_pton(AF_INET6, text.c_str(), bytes.data()) != 1) return text;
  constexpr size_t network = 8;
  return "6/" + std::string(bytes.begin(), bytes.begin() + network);
}

std::string pair_of(std::string_view account, std::string_view address) {
  return std::string{account} + "\n" + place_of(address);
}

} // namespace

login_throttle::row* login_throttle::table::find(std::string_view key) {
  auto i = index.find(key);
  if (i == index.end()) return nullptr;
  order.splice(order.begin(), order, i->second);
  return &order.front();
}

login_throttle::row& login_throttle::table::make(std::string_view key, size_t rows_max) {
  if (auto known = find(key)) return *known;
  if (order.size() >= std::max<size_t>(1, rows_max)) {
    index.erase(order.back().key);
    order.pop_back();
  }
  order.push_front({std::string{key}, {}, 0});
  index.emplace(order.front().key, order.begin());
  return order.front();
}

void login_throttle::table::erase(std::string_view key) {
  auto i = index.find(key);
  if (i == index.end()) return;
  auto place = i->second;
  index.erase(i);
  order.erase(place);
}

/// The row of `key` in the window that is running now.
login_throttle::row& login_throttle::current(table& in, std::string_view key, instant now) {
  auto& out = in.make(key, limits_.rows_max);
  if (now - out.since >= limits_.window || now < out.since) {
    out.since = now;
    out.failures = 0;
  }
  return out;
}

bool login_throttle::familiar(std::string_view pair, instant now) {
  auto known = familiar_.find(pair);
  return known != nullptr && now - known->since < familiar_for;
}

try_verdict login_throttle::ask(std::string_view account, std::string_view address, instant now) {
  if (limits_.failures_max == 0) return {};
  auto pair = pair_of(account, address);
  std::lock_guard guard{mutex_};
  auto& all = current(accounts_, account, now);
  auto& here = current(pairs_, pair, now);
  bool attacked = all.failures >= limits_.attack_from && !familiar(pair, now);
  auto most =
    attacked ? std::min(limits_.failures_max, limits_.under_attack_max) : limits_.failures_max;
  if (here.failures >= most) return {here.since + limits_.window - now, most};
  ++here.failures;
  ++all.failures;
  return {millis{0}, most};
}

void login_throttle::succeeded(std::string_view account, std::string_view address, instant now) {
  if (limits_.failures_max == 0) return;
  auto pair = pair_of(account, address);
  std::lock_guard guard{mutex_};
  take_back(accounts_, account, now);
  pairs_.erase(pair);
  familiar_.make(pair, limits_.rows_max).since = now;
}

void login_throttle::withdrawn(std::string_view account, std::string_view address, instant now) {
  if (limits_.failures_max == 0) return;
  std::lock_guard guard{mutex_};
  take_back(accounts_, account, now);
  take_back(pairs_, pair_of(account, address), now);
}

void login_throttle::take_back(table& in, std::string_view key, instant now) {
  auto& known = current(in, key, now);
  if (known.failures > 0) --known.failures;
}

size_t login_throttle::size() const {
  std::lock_guard guard{mutex_};
  return std::max({pairs_.order.size(), accounts_.order.size(), familiar_.order.size()});
}

} // namespace tk::http
