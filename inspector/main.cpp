// tiketi-inspect: what operators see of a running shop (docs/audit.md).

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <sodium.h>

#include "inspector/audit_command.hpp"
#include "inspector/config.hpp"
#include "inspector/draw_command.hpp"

namespace {

using namespace tk;
using namespace tk::inspector;

constexpr const char* exit_codes = "Exit codes: 0 all held, 1 something contradicts, 2 could not "
                                   "look.\n";

constexpr const char* examples = R"(
Examples:
  tiketi-inspect audit --database "host=standby dbname=tiketi"
  tiketi-inspect audit --follow 30              every 30 s, what changed and a line
  tiketi-inspect audit --part money --part tickets --json
  tiketi-inspect audit --list                   the rules, without a database
)";

std::vector<std::string> part_names() {
  std::vector<std::string> out;
  out.reserve(all_audit_parts.size());
  for (auto x : all_audit_parts) out.emplace_back(to_string(x));
  return out;
}

/// Those that were named, in the order of the documentation; all when none was.
std::vector<audit_part> parts_named(const std::vector<std::string>& names) {
  std::vector<audit_part> out;
  for (auto x : all_audit_parts)
    if (names.empty() || std::ranges::find(names, to_string(x)) != names.end()) out.push_back(x);
  return out;
}

constexpr const char* draw_examples = R"(
Examples, with what a shop publishes:
  curl -s "$SHOP/api/queue/fairness/$EVENT" > draw.json
  curl -s "$SHOP/api/queue/fairness/$EVENT/list" > list-1.json    and so on by its "next"
  tiketi-inspect verify-draw draw.json list-1.json
  tiketi-inspect verify-draw draw.json list-*.json --number 4711
)";

struct choices {
  audit_options audit;
  draw_options draw;
  std::string user;
  std::vector<std::string> parts;
  int limit_s = 600;
};

CLI::App* add_audit(CLI::App& app, choices& x) {
  auto audit = app.add_subcommand("audit", "Looks for rows that contradict each other. Reads only; "
                                           "safe beside a running sale.");
  audit->add_option("--database", x.audit.database, "Where PostgreSQL is, as libpq takes it")
    ->envname("DATABASE_URL");
  audit->add_option("--follow", x.audit.follow_s, "Look again every N seconds (10), until Ctrl-C")
    ->expected(0, 1)
    ->default_str("10")
    ->check(CLI::Range(1, 86'400))
    ->type_name("N");
  audit->add_option("--part", x.parts, "Only these rules; may be given several times")
    ->expected(1)
    ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
    ->check(CLI::IsMember(part_names()))
    ->type_name("PART");
  audit->add_option("--rows", x.audit.limits.sample_max, "Rows to list of a broken rule")
    ->capture_default_str()
    ->check(CLI::Range(0, 1000))
    ->type_name("N");
  audit->add_option("--limit", x.limit_s, "Seconds after which a look is given up")
    ->capture_default_str()
    ->check(CLI::Range(1, 3'600))
    ->type_name("N");
  audit->add_flag("--json", x.audit.json, "One JSON object a line");
  audit->add_flag("--list", x.audit.list, "Name the rules instead of asking them");
  audit->footer(std::string{exit_codes} + examples);
  return audit;
}

CLI::App* add_verify_draw(CLI::App& app, choices& x) {
  auto draw = app.add_subcommand("verify-draw", "Recomputes the draw of a pre-queue from what was "
                                                "published (docs/fair-draw.md).");
  draw->add_option("files", x.draw.files, "The draw and all pages of its list, in order; - = stdin")
    ->required()
    ->type_name("FILE");
  auto number =
    draw->add_option("--number", x.draw.who.number, "Where this number stands")->type_name("N");
  draw->add_option("--user", x.user, "Where this user stands")->type_name("UUID")->excludes(number);
  draw->add_flag("--order", x.draw.order, "All numbers of the list as they are served");
  draw->add_flag("--json", x.draw.json, "One JSON object");
  draw->footer(std::string{exit_codes} + draw_examples);
  return draw;
}

/// Taken by the waits of a command alone: blocked before anything starts.
void block_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  // Who follows through a pipe ends when its reader does, whatever the parent had made of that.
  std::signal(SIGPIPE, SIG_DFL);
}

int refuse(const char* why) {
  std::fprintf(stderr, "tiketi-inspect: %s\n", why);
  return could_not_look;
}

int run_verify_draw(choices& x) {
  if (!x.user.empty()) {
    x.draw.who.user = parse_id<user_id>(x.user);
    if (!x.draw.who.user) return refuse("--user must be a uuid");
  }
  return verify_draw(x.draw);
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app{"Tiketi's inspector: looks at a shop without disturbing it."};
  app.require_subcommand(1);
  app.footer(exit_codes);
  choices chosen;
  auto audit = add_audit(app, chosen);
  auto draw = add_verify_draw(app, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& x) { return app.exit(x) == 0 ? held : could_not_look; }
  if (sodium_init() < 0) return refuse("libsodium cannot start");
  if (*draw) return run_verify_draw(chosen);
  auto& options = chosen.audit;
  options.limits.whole = std::chrono::seconds{chosen.limit_s};
  options.parts = parts_named(chosen.parts);
  if (!*audit) return could_not_look;
  if (!options.list && options.database.empty())
    return refuse("--database or DATABASE_URL must say where PostgreSQL is");
  block_signals();
  return audit_database(options, text_style{wants_colour()});
}
