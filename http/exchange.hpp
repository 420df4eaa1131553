#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string_view>

#include "actors/base/ids.hpp"
#include "http/answer.hpp"
#include "http/identity.hpp"
#include "http/request.hpp"

namespace tk::http {

struct route;
class exchange;
using exchange_ptr = std::shared_ptr<exchange>;

/// At most so many `{...}` parts in a path template.
constexpr size_t path_params_max = 4;

/// One request and the duty to answer it. Handlers get it as a shared pointer, may move it to any
/// thread, and answer once: the first `respond` wins, later ones do nothing. If nobody answers, the
/// server does: 503 when the time is up, 500 when the last pointer goes away.
class exchange : public std::enable_shared_from_this<exchange> {
public:
  using steady = std::chrono::steady_clock;

  exchange() = default;
  exchange(const exchange&) = delete;
  exchange& operator=(const exchange&) = delete;
  virtual ~exchange();

  // -- for handlers -----------------------------------------------------------------------------

  [[nodiscard]] const request& req() const { return request_; }
  /// The signed-in user; on routes of level `user` and `admin` never empty.
  [[nodiscard]] const std::optional<principal>& who() const { return principal_; }
  /// The user's id; only on routes that need login.
  [[nodiscard]] user_id user() const;
  /// Whether the entry token that let the caller in is for `event` (1.8). True when none was
  /// needed.
  [[nodiscard]] bool may_enter(event_id event) const { return !entered_ || *entered_ == event; }
  /// Path parameter by name, percent-decoded; empty when the template has none.
  [[nodiscard]] std::string_view param(std::string_view name) const;
  /// Uuid path parameter by name. It is well-formed: dispatch has checked it.
  template <class Id> [[nodiscard]] Id id_param(std::string_view name) const {
    return parse_id<Id>(param(name)).value_or(Id{});
  }
  /// Time left until the server answers 503 itself (8 s from arrival).
  [[nodiscard]] std::chrono::milliseconds time_left() const;
  [[nodiscard]] bool answered() const { return answered_.load(std::memory_order_acquire); }

  /// Answers. From any thread, never blocks. False when it was answered before.
  bool respond(answer x);
  /// Answers with the table's refusal for `x` (R5). A request that only reads has no outcome to be
  /// in doubt about: for it `ec::unknown` is `ec::unavailable`.
  bool fail(ec x);
  bool fail(const problem& x) { return respond(error_answer(x)); }

  // -- for the server ---------------------------------------------------------------------------

  /// Everything is set before the handler runs and constant afterwards.
  request request_;
  std::optional<principal> principal_;
  std::optional<event_id> entered_; // Set by the entry gate.
  const route* route_ = nullptr;    // Null: no such path.
  std::array<std::string, path_params_max> params_;
  steady::time_point started_;
  steady::time_point deadline_;

protected:
  /// Sends it. Called at most once.
  virtual void deliver(answer&& x) = 0;
  /// To be called by the destructor of the concrete class, while it can still deliver.
  void abandon();

private:
  std::atomic<bool> answered_{false};
};

} // namespace tk::http
