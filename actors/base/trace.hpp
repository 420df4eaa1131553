#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "actors/base/wire.hpp"

/// Traces (G29): what a request caused, as spans that know their parents, over all nodes. Where
/// tracing is off there is no tracer, no context and no span, and nothing here does anything.
namespace tk {

/// Names a span of a trace; what it causes is its child. Travels beside messages, never in them.
struct trace_context {
  uint64_t hi = 0, lo = 0; ///< The trace, in W3C's order of bytes.
  uint64_t span = 0;
  bool sampled = false; ///< By the trace's id alone, so that all of its spans are, or none.
  [[nodiscard]] bool none() const { return (hi | lo) == 0; }
  auto operator<=>(const trace_context&) const = default;
};
template <class F> wire<F> inspect(F& f, trace_context& x) {
  return f(x.hi, x.lo, x.span, x.sampled);
}

/// As OTLP numbers them.
enum class span_kind : uint8_t { internal = 1, server = 2, client = 3 };

/// A span that has ended.
struct span_record {
  trace_context at; ///< Itself.
  uint64_t parent = 0;
  const char* name = ""; ///< Never freed.
  span_kind kind = span_kind::internal;
  int64_t from_us = 0, to_us = 0; ///< Since the epoch, by this machine's clock.
  bool failed = false;            ///< Its outcome is an error of ours, or nobody knows it.
  std::string about;              ///< Of which entity or route; never what a client has said.
};

/// Where spans go. Its functions are called by any thread and never wait.
class tracer {
public:
  tracer() = default;
  tracer(const tracer&) = delete;
  tracer& operator=(const tracer&) = delete;
  virtual ~tracer() = default;
  [[nodiscard]] virtual int64_t now_us() const = 0;
  [[nodiscard]] virtual uint64_t next_span() = 0;
  /// Whether all of this trace is kept.
  [[nodiscard]] virtual bool samples(uint64_t trace_hi, uint64_t trace_lo) const = 0;
  /// It may be dropped: one that is neither sampled nor failed is.
  virtual void take(span_record x) = 0;
};

/// A span under way: told to its tracer at its end, and when nobody ends it, as failed. None when
/// there is no tracer or no trace.
class open_span {
public:
  open_span() = default;
  open_span(tracer& to, span_record x) : to_(&to), x_(std::make_unique<span_record>(std::move(x))) {
    // nop
  }
  open_span(open_span&&) = default;
  open_span& operator=(open_span&& x) noexcept {
    end(true);
    to_ = x.to_;
    x_ = std::move(x.x_);
    return *this;
  }
  ~open_span() { end(true); }

  /// Starts now; none when `parent` is none.
  static open_span child(tracer* to, const trace_context& parent, const char* name,
                         span_kind kind = span_kind::internal) {
    if (to == nullptr || parent.none()) return {};
    span_record x;
    x.at = parent;
    x.at.span = to->next_span();
    x.parent = parent.span;
    x.name = name;
    x.kind = kind;
    x.from_us = to->now_us();
    return {*to, std::move(x)};
  }

  explicit operator bool() const { return x_ != nullptr; }
  /// For what it causes.
  [[nodiscard]] trace_context context() const { return x_ ? x_->at : trace_context{}; }
  /// To be asked for a text only when there is a span.
  void about(std::string text) {
    if (x_) x_->about = std::move(text);
  }
  /// Only the first end counts.
  void end(bool failed) {
    if (!x_) return;
    auto x = std::move(x_);
    x->to_us = to_->now_us();
    x->failed = failed;
    to_->take(std::move(*x));
  }

private:
  tracer* to_ = nullptr;
  std::unique_ptr<span_record> x_;
};

/// For handlers, which are copied. Null when there is no span.
using span_ptr = std::shared_ptr<open_span>;
inline span_ptr child_span(tracer* to, const trace_context& parent, const char* name,
                           span_kind kind = span_kind::internal) {
  if (to == nullptr || parent.none()) return nullptr;
  return std::make_shared<open_span>(open_span::child(to, parent, name, kind));
}
inline void end_span(const span_ptr& x, bool failed) {
  if (x) x->end(failed);
}

} // namespace tk
