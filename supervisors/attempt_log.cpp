#include "supervisors/attempt_log.hpp"

#include <algorithm>
#include <mutex>

namespace tk {

namespace {

/// Whether `x` says of the same user what `last` says already.
bool repeats(const attempt& last, const attempt& x) {
  return x.fate == attempt_fate::refused && last.fate == x.fate && last.what == x.what &&
         last.why == x.why && last.user == x.user && last.block_no == x.block_no &&
         last.of_others == x.of_others;
}

} // namespace

std::string_view to_string(attempt_on x) {
  switch (x) {
  case attempt_on::claim: return "claim";
  case attempt_on::hold: return "hold";
  case attempt_on::release: return "release";
  case attempt_on::payment: return "payment";
  case attempt_on::sale: return "sale";
  case attempt_on::payment_end: return "end of payment";
  case attempt_on::cancellation: return "cancellation";
  }
  return "?";
}

std::string_view to_string(attempt_fate x) {
  switch (x) {
  case attempt_fate::taken: return "taken";
  case attempt_fate::refused: return "refused";
  case attempt_fate::given_up: return "given up";
  case attempt_fate::unknown: return "unknown";
  }
  return "?";
}

attempt_log::attempt_log(size_t subjects_max)
    : part_max_(std::max<size_t>(1, (subjects_max + part_count - 1) / part_count)) {
  // nop
}

attempt_log::part& attempt_log::part_of(const attempt_subject& x) {
  return parts_.at(subject_hash{}(x) % part_count);
}

const attempt_log::part& attempt_log::part_of(const attempt_subject& x) const {
  return parts_.at(subject_hash{}(x) % part_count);
}

void attempt_log::note(const attempt_subject& about, attempt x) {
  x.last_at = x.first_at;
  auto& in = part_of(about);
  std::unique_lock guard{in.mutex};
  auto i = in.index.find(about);
  if (i != in.index.end()) {
    in.by_age.splice(in.by_age.begin(), in.by_age, i->second);
  } else {
    if (in.by_age.size() >= part_max_) {
      auto& oldest = in.by_age.back();
      in.forgotten_until = std::max(in.forgotten_until, oldest.attempts.back().last_at);
      in.index.erase(oldest.about);
      in.by_age.pop_back();
    }
    in.by_age.push_front({about, {}, false});
    in.index.emplace(about, in.by_age.begin());
  }
  auto& of = in.by_age.front();
  if (!of.attempts.empty() && repeats(of.attempts.back(), x)) {
    x.first_at = of.attempts.back().first_at;
    x.times = of.attempts.back().times + 1;
    of.attempts.back() = x;
    return;
  }
  if (of.attempts.size() >= attempts_max) {
    of.attempts.erase(of.attempts.begin());
    of.replaced = true;
  }
  of.attempts.push_back(x);
}

attempt_log::found attempt_log::about(const attempt_subject& x) const {
  auto& in = part_of(x);
  std::shared_lock guard{in.mutex};
  auto i = in.index.find(x);
  if (i == in.index.end()) return {};
  return {i->second->attempts, i->second->replaced};
}

std::vector<attempt_log::named> attempt_log::of_reservation(const reservation_id& id) const {
  std::vector<named> out;
  for (auto& in : parts_) {
    std::shared_lock guard{in.mutex};
    for (auto& of : in.by_age)
      for (auto& x : of.attempts)
        if (x.reservation == id) out.push_back({of.about, x});
  }
  std::ranges::stable_sort(out, {}, [](auto& x) { return x.what.first_at; });
  return out;
}

instant attempt_log::forgotten_until() const {
  instant out;
  for (auto& in : parts_) {
    std::shared_lock guard{in.mutex};
    out = std::max(out, in.forgotten_until);
  }
  return out;
}

} // namespace tk
