#include "gateways/breaker.hpp"

#include <algorithm>

namespace tk {

breaker::breaker(breaker_config config) : config_(config) {
  // nop
}

std::optional<breaker_permit> breaker::admit(moment now) {
  if (state_ == breaker_state::open) {
    if (now < open_until_) return std::nullopt;
    enter(breaker_state::half_open);
  }
  if (state_ == breaker_state::half_open) {
    if (trials_out_ >= config_.trials) return std::nullopt;
    ++trials_out_;
  }
  return breaker_permit{generation_};
}

void breaker::record(breaker_permit permit, call_end how, millis took, moment now) {
  if (permit.generation != generation_) return;
  if (how == call_end::not_counted) {
    if (state_ == breaker_state::half_open) --trials_out_;
    return;
  }
  calls_.push_back({how == call_end::failed, took > config_.slow_after});
  if (state_ == breaker_state::half_open) {
    if (calls_.size() < config_.trials) return;
  } else {
    if (calls_.size() > config_.window) calls_.pop_front();
    if (calls_.size() < config_.calls_min) return;
  }
  if (tripped()) {
    enter(breaker_state::open);
    open_until_ = now + config_.open_for;
  } else if (state_ == breaker_state::half_open) {
    enter(breaker_state::closed);
  }
}

millis breaker::retry_after(moment now) const {
  if (state_ != breaker_state::open || now >= open_until_) return millis{0};
  return std::chrono::ceil<millis>(open_until_ - now);
}

bool breaker::tripped() const {
  auto share_reached = [this](auto member, size_t percent) {
    auto n = static_cast<size_t>(std::ranges::count_if(calls_, member));
    return n * 100 >= percent * calls_.size();
  };
  return share_reached(&past_call::failed, config_.failed_percent) ||
         share_reached(&past_call::slow, config_.slow_percent);
}

void breaker::enter(breaker_state next) {
  state_ = next;
  ++generation_;
  calls_.clear();
  trials_out_ = 0;
}

} // namespace tk
