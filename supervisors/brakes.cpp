#include "supervisors/brakes.hpp"

#include <algorithm>
#include <array>
#include <mutex>

namespace tk {

namespace {

constexpr std::array names{std::pair{brake_on::all, std::string_view{"all"}},
                           std::pair{brake_on::queue, std::string_view{"queue"}},
                           std::pair{brake_on::holds, std::string_view{"holds"}},
                           std::pair{brake_on::payments, std::string_view{"payments"}}};

bool is_for(const sales_brake& x, brake_on what) {
  return x.what == brake_on::all || x.what == what;
}

} // namespace

std::string_view to_string(brake_on x) {
  return std::ranges::find(names, x, &decltype(names)::value_type::first)->second;
}

std::optional<brake_on> parse_brake(std::string_view text) {
  auto i = std::ranges::find(names, text, &decltype(names)::value_type::second);
  return i == names.end() ? std::nullopt : std::optional{i->first};
}

void brake_list::take(std::vector<sales_brake> rows, instant as_of) {
  auto fresh = std::make_shared<const std::vector<sales_brake>>(std::move(rows));
  const std::unique_lock guard{mutex_};
  if (as_of < as_of_) return;
  rows_ = std::move(fresh);
  as_of_ = as_of;
  any_ = !rows_->empty();
}

std::optional<sales_brake> brake_list::find(brake_on what, const event_id& event,
                                            std::string_view method) const {
  if (!any_) return std::nullopt;
  auto all = rows();
  auto i = std::ranges::find_if(*all, [&](auto& x) {
    return is_for(x, what) && (x.event.nil() || x.event == event) &&
           (x.method.empty() || x.method == method);
  });
  return i == all->end() ? std::nullopt : std::optional{*i};
}

bool brake_list::by_event(brake_on what) const {
  auto all = rows();
  return std::ranges::any_of(*all, [&](auto& x) { return is_for(x, what) && !x.event.nil(); });
}

brake_list::rows_ptr brake_list::rows() const {
  const std::shared_lock guard{mutex_};
  return rows_;
}

instant brake_list::as_of() const {
  const std::shared_lock guard{mutex_};
  return as_of_;
}

} // namespace tk
