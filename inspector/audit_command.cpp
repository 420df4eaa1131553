#include "inspector/audit_command.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <optional>
#include <utility>

namespace tk::inspector {

namespace {

sigset_t ending_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

/// Waits for a signal to end; true when one came, false when the time is up.
bool ends_within(int time_s) {
  auto set = ending_signals();
  timespec patience{time_s, 0};
  return sigtimedwait(&set, nullptr, &patience) > 0;
}

void say(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

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
      code_ = could_not_look;
      auto why = found.error();
      std::ranges::replace(why, '\n', ' ');
      if (options_.json) say(failure_as_json(why) + '\n');
      std::fprintf(stderr, "tiketi-inspect: cannot audit: %s\n", why.c_str());
      return;
    }
    code_ = found->findings.empty() ? held : contradicted;
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
      // The last `user` counts: a conninfo of a node is good for the auditor, too.
      auto opened = pg::connection::open(options_.database +
                                         " user=tiketi_audit application_name=tiketi-inspect");
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
  int code_ = could_not_look;
  bool ended_ = false;
};

} // namespace

int audit_database(const audit_options& options, const text_style& style) {
  if (options.list) {
    say(options.json ? rule_list_as_json(options.parts) + '\n' : rule_list(options.parts, style));
    return held;
  }
  watch what{options, style};
  for (;;) {
    what.look();
    if (options.follow_s == 0 || what.ended() || ends_within(options.follow_s)) return what.code();
  }
}

} // namespace tk::inspector
