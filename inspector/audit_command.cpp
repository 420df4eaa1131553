#include "inspector/audit_command.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "inspector/output.hpp"

namespace tk::inspector {

namespace {

/// One database, looked at through one connection as long as it lasts.
class watch {
public:
  watch(const audit_options& options, const text_style& style)
      : options_(options), style_(style), auditor_(options.parts, options.limits) {
    // nop
  }

  /// Looks and says what came of it.
  void look() {
    auto found = ask();
    if (ended_) return;
    if (!found) {
      code_ = failed;
      auto why = found.error();
      std::ranges::replace(why, '\n', ' ');
      if (options_.json) say(failure_as_json(why) + '\n');
      warn("cannot audit: " + why);
      return;
    }
    code_ = found->findings.empty() ? well : partial;
    if (options_.json) say(as_json(*found) + '\n');
    else if (options_.follow_s == 0) say(as_text(*found, style_));
    else say(changes_of(before_, found->findings, style_) + summary_of(*found, style_));
    before_ = std::move(found->findings);
  }

  /// A signal came in the middle of a look.
  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] int code() const { return code_; }

private:
  tl::expected<audit_report, std::string> ask() {
    if (!db_ || !db_->alive()) {
      auto opened = pg::connection::open(as_auditor(options_.database));
      if (!opened)
        return tl::unexpected("no connection: " + opened.error() +
                              "; is PostgreSQL running, and has `tiketi-node migrate` run?");
      db_ = std::move(*opened);
    }
    auto found = auditor_.look(*db_, [this] { return ended_ = ended_ || ends_within(0); });
    // Whatever went wrong with a connection, the next look starts with a new one.
    if (!found) db_.reset();
    return found;
  }

  const audit_options& options_;
  text_style style_;
  auditor auditor_;
  std::optional<pg::connection> db_;
  std::vector<audit_finding> before_;
  int code_ = failed;
  bool ended_ = false;
};

} // namespace

std::string as_auditor(const std::string& database) {
  bool url = database.starts_with("postgresql://") || database.starts_with("postgres://");
  const char* first = !url ? " " : database.find('?') == std::string::npos ? "?" : "&";
  return database + first + "user=tiketi_audit" + (url ? "&" : " ") +
         "application_name=tiketi-inspect";
}

int audit_database(const audit_options& options, const text_style& style) {
  if (options.list) {
    say(options.json ? rule_list_as_json(options.parts) + '\n' : rule_list(options.parts, style));
    return well;
  }
  watch what{options, style};
  for (;;) {
    what.look();
    // Who cannot be told anything is not looked for.
    if (options.follow_s == 0 || what.ended() || output_failed() || ends_within(options.follow_s))
      return what.code();
  }
}

} // namespace tk::inspector
