#pragma once

#include <memory>
#include <type_traits>
#include <utility>

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/atom.hpp>
#include <caf/error.hpp>
#include <caf/typed_response_promise.hpp>

#include "actors/base/errors.hpp"
#include "actors/base/trace.hpp"

namespace tk {

/// `ec` as CAF carries it. For what is not an expected refusal: those are values in replies.
inline caf::error make_error(ec x) { return {static_cast<uint8_t>(x), caf::atom("tiketi")}; }

/// What an error from a request means. Whatever is not our own (time-out, dead receiver) may have
/// happened or not: unknown (R12).
inline ec to_ec(const caf::error& x) {
  return x.category() == caf::atom("tiketi") ? static_cast<ec>(x.code()) : ec::unknown;
}

/// Whether an answer is an error of ours, for traces: what is refused on its merits is none.
template <class T> bool tells_failure(const T& x) {
  if constexpr (requires { requires std::is_same_v<std::remove_cvref_t<decltype(x.is)>, ec>; })
    return x.is == ec::unknown || x.is == ec::internal || x.is == ec::unavailable;
  else return false;
}

/// A promise with one owner that always answers (R11): when the last handler forgets it, because
/// its actor ended or by a bug, its asker hears `unknown` instead of nothing.
template <class T> struct reply_once {
  caf::typed_response_promise<T> rp;
  open_span span; ///< Ends with it; usually none.
  explicit reply_once(caf::typed_response_promise<T> x) : rp(std::move(x)) {
    // nop
  }
  reply_once(const reply_once&) = delete;
  reply_once& operator=(const reply_once&) = delete;
  ~reply_once() { fail(ec::unknown); }
  void deliver(T x) {
    if (span) span.end(tells_failure(x));
    if (rp.pending()) rp.deliver(std::move(x));
  }
  void fail(ec x) {
    span.end(true);
    if (rp.pending()) rp.deliver(make_error(x));
  }
};

template <class T> using reply_ptr = std::shared_ptr<reply_once<T>>;

/// The guard for the request an actor is handling now.
template <class T, class Self> reply_ptr<T> promise_reply(Self* self) {
  return std::make_shared<reply_once<T>>(self->template make_response_promise<T>());
}

} // namespace tk

// It stays on its node: links take it out of its envelope.
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::trace_context)
