#include "http/api/notice_board.hpp"

#include <algorithm>
#include <mutex>

#include "actors/base/text.hpp"

namespace tk::http {

namespace {

std::string rendered(const notice& x) {
  std::string out = R"({"id":")" + to_string(x.id) + R"(","level":")";
  out.append(to_string(x.level)).append(R"(","text":{"ko":)");
  append_json_quoted(out, x.ko);
  out += R"(,"en":)";
  append_json_quoted(out, x.en);
  out += R"(},"event_id":)";
  out += x.event.nil() ? "null" : '"' + to_string(x.event) + '"';
  out += R"(,"starts_at":")" + to_iso(x.starts_at) + R"(","ends_at":)";
  out += x.ends_at ? '"' + to_iso(*x.ends_at) + '"' : "null";
  return out + '}';
}

} // namespace

void notice_board::take(std::vector<notice> rows, instant as_of) {
  auto texts = std::make_shared<std::vector<std::string>>();
  texts->reserve(rows.size());
  for (auto& x : rows) texts->push_back(rendered(x));
  state fresh{std::make_shared<const std::vector<notice>>(std::move(rows)), std::move(texts),
              as_of};
  const std::unique_lock guard{mutex_};
  if (as_of >= state_.as_of) state_ = std::move(fresh);
}

std::string notice_board::told(instant now) const {
  auto known = look();
  if (!known.rendered) return "";
  std::string out = R"({"notices":[)";
  for (size_t i = 0; i < known.rows->size(); ++i) {
    if (!(*known.rows)[i].shown_at(now)) continue;
    if (out.back() == '}') out += ',';
    out += (*known.rendered)[i];
  }
  auto age = std::max(millis{0}, now - known.as_of).count(); // Clocks differ.
  return out + R"(],"as_of":")" + to_iso_z(known.as_of) + R"(","age_ms":)" + std::to_string(age) +
         '}';
}

notice_board::state notice_board::look() const {
  const std::shared_lock guard{mutex_};
  return state_;
}

} // namespace tk::http
