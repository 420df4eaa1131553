// tiketi-inspect: what operators see of a running shop (docs/audit.md).

#include <algorithm>
#include <csignal>
#include <functional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <sodium.h>

#include "inspector/audit_command.hpp"
#include "inspector/case_command.hpp"
#include "inspector/completion.hpp"
#include "inspector/config.hpp"
#include "inspector/draw_command.hpp"
#include "inspector/loss_command.hpp"
#include "inspector/money_command.hpp"
#include "inspector/node_command.hpp"
#include "inspector/notice_command.hpp"
#include "inspector/output.hpp"
#include "inspector/placement_command.hpp"
#include "inspector/reconcile_command.hpp"
#include "inspector/top_command.hpp"
#include "inspector/words.hpp"

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
  top_options top;
  look_options look;
  brake_options brake;
  placement_options placement;
  notice_options notice;
  loss_options loss;
  reconcile_options reconcile;
  case_options closing;
  money_options money;
  std::string shell, token_name, token_role = "reader";
  /// What runs the command that was named.
  std::function<int()> run;
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
  draw->add_option("FILE", x.draw.files, "The draw and all pages of its list; - = stdin")
    ->required()
    ->type_name("");
  auto number =
    draw->add_option("--number", x.draw.who.number, "Where this number stands")->type_name("N");
  draw->add_option("--user", x.user, "Where this user stands")->type_name("UUID")->excludes(number);
  draw->add_flag("--order", x.draw.order, "All numbers of the list as they are served");
  draw->add_flag("--json", x.draw.json, "One JSON object");
  draw->footer(std::string{exit_codes} + draw_examples);
  return draw;
}

constexpr const char* look_codes = "Exit codes: 0 all was told, 1 something is missing or there is "
                                   "no such thing, 2 nothing could be "
                                   "asked.\n\nExamples:\n";

/// How nodes are reached.
void add_node_options(CLI::App& to, node_options& x) {
  to.add_option("--node", x.nodes,
                "Operators' listener of a node; several may be given. Else those of INSPECT_NODES, "
                "else http://127.0.0.1:3011")
    ->delimiter(',')
    ->type_name("URL");
  to.add_option("--token-file", x.token_file,
                "Holds the token; - = stdin. Else the file that INSPECT_TOKEN_FILE names, else the "
                "token is that of INSPECT_TOKEN")
    ->type_name("FILE");
  to.add_option("--limit", x.limit_s, "Seconds after which a node is given up")
    ->capture_default_str()
    ->check(CLI::Range(1, 600))
    ->type_name("N");
}

/// A variable of the shell that is not set must not make it about more than was meant.
CLI::Validator said() {
  return {[](std::string& x) { return std::string{x.empty() ? "must not be empty" : ""}; }, ""};
}

/// What every look at nodes takes.
void add_look_options(CLI::App& to, choices& x) {
  add_node_options(to, x.look.nodes);
  to.add_option("--watch", x.look.watch_s, "Look again every N seconds (2), until Ctrl-C")
    ->expected(0, 1)
    ->default_str("2")
    ->check(CLI::Range(1, 86'400))
    ->type_name("N");
  to.add_flag("--json", x.look.json, "One JSON object a line");
}

/// The command of these words; those above it are made when they are not there yet.
CLI::App* command_of(CLI::App& app, const std::string& words, const char* help) {
  auto blank = words.find(' ');
  if (blank == std::string::npos) return app.add_subcommand(words, help);
  auto first = words.substr(0, blank);
  auto named = app.get_subcommands([&](CLI::App* y) { return y->get_name() == first; });
  auto* above = named.empty() ? nullptr : named.front();
  if (above == nullptr) {
    above = app.add_subcommand(first, "Everything on record about one thing, in order of time.");
    above->require_subcommand(1);
    above->footer(std::string{look_codes} + "  tiketi-inspect why seat UUID\n"
                                            "  tiketi-inspect why reservation UUID");
  }
  return command_of(*above, words.substr(blank + 1), help);
}

void add_looks(CLI::App& app, choices& x) {
  for (auto& verb : node_verbs()) {
    auto* look = command_of(app, verb.name, verb.help);
    if (*verb.argument != '\0')
      look->add_option(verb.argument, x.look.argument, "Which one")->required()->type_name("");
    add_look_options(*look, x);
    look->footer(std::string{look_codes} + verb.examples);
    look->callback([&x, &verb, look] {
      if (!look->get_subcommands().empty()) return; // That has said what is to run.
      x.run = [&x, &verb] { return look_at(verb, x.look, text_style{wants_colour()}); };
    });
  }
}

void add_top(CLI::App& app, choices& x) {
  auto* top = app.add_subcommand("top", "The sale as it goes, on one screen, until Ctrl-C: what is "
                                        "stopped, the ledger, every node, events and their rooms, "
                                        "the hottest blocks.");
  top->add_option("event", x.top.event, "This event; else those with the hottest blocks")
    ->type_name("EVENT")
    ->check(said());
  add_node_options(*top, x.top.nodes);
  top->add_option("--watch", x.top.every_s, "Look again every N seconds")
    ->capture_default_str()
    ->check(CLI::Range(1, 86'400))
    ->type_name("N");
  top->footer(std::string{look_codes} + "  tiketi-inspect top --node http://n1:3011 --watch 1\n"
                                        "  tiketi-inspect top UUID");
  top->callback([&x] { x.run = [&x] { return watch_top(x.top, text_style{wants_colour()}); }; });
}

/// What stops sales and what lets them go on differ in the reason alone.
CLI::App* add_steering(CLI::App& app, choices& x, const char* name, const char* help, bool stop) {
  auto* to = app.add_subcommand(name, help);
  to->add_option("SCOPE", x.brake.scope, "What of the shop")
    ->required()
    ->check(CLI::IsMember({"all", "event", "queue", "holds", "payments"}));
  to->add_option("EVENT", x.brake.event, "Of this event only")->type_name("")->check(said());
  to->add_option("--method", x.brake.method, "Of payments: by this method only")
    ->type_name("NAME")
    ->check(said());
  add_node_options(*to, x.brake.nodes);
  to->add_flag("--json", x.brake.json, "One JSON object");
  to->callback([&x, stop] {
    x.run = [&x, stop] { return steer_sales(x.brake, stop, text_style{wants_colour()}); };
  });
  return to;
}

constexpr const char* steer_codes =
  "Exit codes: 0 done, or there was nothing to change; 2 refused, or the outcome is not known.\n\n"
  "Examples:\n";

void add_brakes(CLI::App& app, choices& x) {
  auto* brake = add_steering(app, x, "brake",
                             "Stops sales on every node within 2 s; what runs goes "
                             "on to its end. Needs the role operator.",
                             true);
  brake->add_option("--reason", x.brake.reason, "Told to buyers")->required()->type_name("TEXT");
  brake->add_option("--operation", x.brake.operation, "Of a try whose outcome is not known")
    ->type_name("UUID");
  brake->footer(std::string{steer_codes} +
                "  tiketi-inspect brake all --reason 'The payment provider is down'\n"
                "  tiketi-inspect brake event UUID --reason 'Wrong seat plan'\n"
                "  tiketi-inspect brake payments --method toss --reason 'Maintenance until 10:00'\n"
                "  tiketi-inspect brake queue UUID --reason 'One moment, please'");
  add_steering(app, x, "release", "Lets go on what exactly that brake stopped.", false)
    ->footer(std::string{steer_codes} + "  tiketi-inspect release event UUID\n"
                                        "  tiketi-inspect release payments --method toss");
}

/// What every word about notices takes.
CLI::App* add_notice_verb(CLI::App& above, choices& x, const char* name, const char* help,
                          notice_verb verb) {
  auto* to = above.add_subcommand(name, help);
  auto& order = x.notice.order;
  if (verb != notice_verb::add)
    to->add_option("NOTICE", order.id, "Which one, as `notices` tells it")
      ->required()
      ->type_name("");
  if (verb != notice_verb::remove) {
    to->add_option("--level", order.level, "How much it matters")
      ->required()
      ->check(CLI::IsMember({"info", "warning", "incident"}));
    to->add_option("--ko", order.ko, "In Korean; 500 characters")->required()->type_name("TEXT");
    to->add_option("--en", order.en, "In English; 500 characters")->required()->type_name("TEXT");
    to->add_option("--event", order.event, "On the pages of this event only")
      ->type_name("EVENT")
      ->check(said());
    to->add_option("--from", order.from, "When it begins, with offset; else now")
      ->type_name("TIME");
    to->add_option("--until", order.until, "When it ends, with offset; else when it is removed")
      ->type_name("TIME");
  }
  if (verb == notice_verb::add)
    to->add_option("--operation", order.operation, "Of a try whose outcome is not known")
      ->type_name("UUID");
  add_node_options(*to, x.notice.nodes);
  to->add_flag("--json", x.notice.json, "One JSON object");
  to->callback([&x, verb] {
    x.notice.order.verb = verb;
    x.run = [&x] { return tell_buyers(x.notice, text_style{wants_colour()}); };
  });
  return to;
}

void add_notices(CLI::App& app, choices& x) {
  using enum notice_verb;
  auto* to = app.add_subcommand("notice", "Tells buyers something on every page, within 10 s; "
                                          "`notices` shows what they are told. Needs the role "
                                          "operator.");
  to->require_subcommand(1);
  to->footer(std::string{steer_codes} +
             "  tiketi-inspect notice add --level info --ko '...' --en '...'    see also: notices");
  add_notice_verb(*to, x, "add", "Tells them something.", add)
    ->footer(std::string{steer_codes} +
             "  tiketi-inspect notice add --level incident --ko '결제가 지연되고 있습니다' \\\n"
             "      --en 'Payments are slow' --until 2026-11-22T21:00:00+09:00\n"
             "  tiketi-inspect notice add --level info --event UUID --ko '...' --en '...'");
  add_notice_verb(*to, x, "change", "Makes one say this instead, all of it.", change)
    ->footer(std::string{steer_codes} +
             "  tiketi-inspect notice change UUID --level info --ko '해결되었습니다' --en 'Solved' "
             "\\\n      --until 2026-11-22T21:30:00+09:00");
  add_notice_verb(*to, x, "remove", "Takes one back.", remove)
    ->footer(std::string{steer_codes} + "  tiketi-inspect notice remove UUID");
}

constexpr const char* placement_codes =
  "Exit codes: 0 done, or it was so already; 1 on record, but not come true within --wait; 2 "
  "refused, or the outcome is not known.\n\nExamples:\n";

/// What every word about the placement of shards takes.
CLI::App* add_placement_verb(CLI::App& app, choices& x, const char* name, const char* help,
                             placement_verb verb) {
  auto* to = app.add_subcommand(name, help);
  auto& order = x.placement.order;
  if (verb == placement_verb::move)
    to->add_option("KEY", order.key, "An entity of the shard, as `where` takes it")
      ->required()
      ->type_name("");
  if (verb != placement_verb::rebalance)
    to->add_option("NODE", order.node, "Its name, as `nodes` tells it")->required()->type_name("");
  to->add_option("--reason", order.reason, "For the record")->type_name("TEXT");
  if (verb != placement_verb::undrain)
    to->add_option("--wait", x.placement.wait_s, "Seconds to wait until it is done; 0: do not")
      ->capture_default_str()
      ->check(CLI::Range(0, 86'400))
      ->type_name("N");
  to->add_option("--operation", order.operation, "Of a try whose outcome is not known")
    ->type_name("UUID");
  add_node_options(*to, x.placement.nodes);
  to->add_flag("--json", x.placement.json, "One JSON object");
  to->callback([&x, verb] {
    x.placement.order.verb = verb;
    x.run = [&x] { return steer_placement(x.placement, text_style{wants_colour()}); };
  });
  return to;
}

void add_placement(CLI::App& app, choices& x) {
  using enum placement_verb;
  add_placement_verb(app, x, "drain",
                     "Has a node give all its shards to the others and take none, until undrain, "
                     "whether or not it starts again. Needs the role operator.",
                     drain)
    ->footer(std::string{placement_codes} +
             "  tiketi-inspect drain 6f0e4b1c-... --reason 'New disk'\n"
             "  tiketi-inspect drain 6f0e4b1c-... --wait 0    and then: wishes --watch");
  add_placement_verb(app, x, "undrain", "Lets a node take shards again.", undrain)
    ->footer(std::string{placement_codes} + "  tiketi-inspect undrain 6f0e4b1c-...");
  add_placement_verb(app, x, "rebalance",
                     "Evens out now who has how many shards; shards that were moved by `move` stay "
                     "where they are.",
                     rebalance)
    ->footer(std::string{placement_codes} + "  tiketi-inspect rebalance");
  add_placement_verb(app, x, "move",
                     "Moves the whole shard of an entity to a node, with all that lives in it, "
                     "where it stays until it is moved elsewhere, or to `any`.",
                     move)
    ->footer(std::string{placement_codes} +
             "  tiketi-inspect move event:UUID 6f0e4b1c-...\n"
             "  tiketi-inspect move block:UUID/3 6f0e4b1c-... --reason 'Hot'\n"
             "  tiketi-inspect move seat:UUID any    balance may move it again\n\n"
             "A key names a place, whether or not something lives there: an event, block, room, "
             "gate,\nsession or checkout that is nowhere on record has a shard too, and that is "
             "moved with\nwhatever lives in it. `where KEY` says what is not on record.");
}

void add_losses(CLI::App& app, choices& x) {
  auto* to = app.add_subcommand("accept-loss",
                                "What was answered and is gone since PostgreSQL failed over. With "
                                "the key that this tells, a node goes on without it: it ends, and "
                                "forgets it when it starts again. Needs the role operator.");
  to->add_option("KEY", x.loss.key, "Of what you have seen; without it nothing is accepted")
    ->type_name("");
  to->add_option("--reason", x.loss.reason, "For the record")->type_name("TEXT");
  to->add_option("--operation", x.loss.operation, "Of a try whose outcome is not known")
    ->type_name("UUID");
  add_node_options(*to, x.loss.nodes);
  to->add_flag("--json", x.loss.json, "One JSON object");
  to->footer("Exit codes: without a key 0 nothing is missing, 1 something is or may be, 2 nobody "
             "could be asked; with one 0 accepted or nothing to accept, 2 refused, or the outcome "
             "is not known.\n\nExamples:\n"
             "  tiketi-inspect accept-loss --node http://n1:3011 --node http://n2:3011\n"
             "  tiketi-inspect accept-loss 3f2a9c01d4e5 --reason 'Buyers are called, case 17'");
  to->callback([&x] { x.run = [&x] { return accept_loss(x.loss, text_style{wants_colour()}); }; });
}

void add_money(CLI::App& app, choices& x) {
  auto* to = app.add_subcommand("money", "Balances the books against payments, refunds and "
                                         "reservations, and against a provider's settlement list. "
                                         "Reads only; safe beside a running sale.");
  auto& money = x.money;
  to->add_option("--database", money.database, "Where PostgreSQL is, as libpq takes it")
    ->envname("DATABASE_URL");
  to->add_option("--settlement", money.settlement,
                 "A provider's list: JSON or CSV with orderId, amount, refunded; - = stdin")
    ->type_name("FILE");
  to->add_option("--provider", money.provider, "Whose list it is")->type_name("NAME");
  to->add_option("--from", money.from, "What it captured since then, with offset; else ever")
    ->type_name("TIME");
  to->add_option("--to", money.to, "What it captured before, with offset")->type_name("TIME");
  to->add_option("--rows", money.limits.sample_max, "Rows to list of a broken rule")
    ->capture_default_str()
    ->check(CLI::Range(0, 1000))
    ->type_name("N");
  to->add_option("--limit", x.limit_s, "Seconds after which it is given up")
    ->capture_default_str()
    ->check(CLI::Range(1, 3'600))
    ->type_name("N");
  to->add_flag("--json", money.json, "One JSON object");
  to->footer("Exit codes: 0 it balances, 1 it does not, 2 could not look.\n\nExamples:\n"
             "  tiketi-inspect money --database \"host=standby dbname=tiketi\"\n"
             "  tiketi-inspect money --settlement toss.csv --provider toss \\\n"
             "      --from 2026-11-21T00:00:00+09:00 --to 2026-11-22T00:00:00+09:00");
  to->callback([&x] {
    x.run = [&x]() -> int {
      x.money.limits.whole = std::chrono::seconds{x.limit_s};
      if (x.money.database.empty())
        return refuse("--database or DATABASE_URL must say where PostgreSQL is");
      return balance_books(x.money, text_style{wants_colour()});
    };
  });
}

void add_reconcile(CLI::App& app, choices& x) {
  auto* to = app.add_subcommand("reconcile",
                                "Compares providers, payments, reservations and books now, and "
                                "waits for the end. What can be repaired is; the rest are `cases`. "
                                "Needs the role operator.");
  to->add_option("--wait", x.reconcile.wait_s, "Seconds to wait for the end; 0: do not")
    ->capture_default_str()
    ->check(CLI::Range(0, 86'400))
    ->type_name("N");
  to->add_option("--operation", x.reconcile.operation, "Of a try whose outcome is not known")
    ->type_name("UUID");
  add_node_options(*to, x.reconcile.nodes);
  to->add_flag("--json", x.reconcile.json, "One JSON object");
  to->footer("Exit codes: 0 done, and no case is open, or begun with --wait 0; 1 cases are open, "
             "or it has not ended within "
             "--wait; 2 refused, or the outcome is not known.\n\nExamples:\n"
             "  tiketi-inspect reconcile --node http://n1:3011\n"
             "  tiketi-inspect reconcile --wait 0    and then: cases --watch");
  to->callback(
    [&x] { x.run = [&x] { return reconcile(x.reconcile, text_style{wants_colour()}); }; });
}

/// Below the look that tells of them.
void add_case_words(CLI::App& app, choices& x) {
  auto* to = app.get_subcommand("cases")->add_subcommand(
    "close", "Closes one although nothing has repaired it. Needs the role operator.");
  to->add_option("CASE", x.closing.id, "Which one, as `cases` tells it")
    ->required()
    ->type_name("")
    ->check(said());
  to->add_option("--reason", x.closing.reason, "Kept for the record; 200 characters")
    ->required()
    ->type_name("TEXT");
  add_node_options(*to, x.closing.nodes);
  to->add_flag("--json", x.closing.json, "One JSON object");
  to->footer("Exit codes: 0 closed, or it was closed before; 2 refused, or the outcome is not "
             "known; to say it again does no harm.\n\nExamples:\n"
             "  tiketi-inspect cases close UUID --reason 'Given back by hand, see the bank'");
  to->callback(
    [&x] { x.run = [&x] { return close_case(x.closing, text_style{wants_colour()}); }; });
}

void add_tools(CLI::App& app, choices& x) {
  auto* completion = app.add_subcommand("completion", "A script that completes what you type.");
  completion->add_option("SHELL", x.shell, "For which shell")
    ->required()
    ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  completion->footer("Exit codes: 0 it is on stdout, 2 it could not be written.\n\nExamples:\n  "
                     "source <(tiketi-inspect completion bash)\n"
                     "  tiketi-inspect completion fish | source");
  completion->callback([&] {
    x.run = [&] {
      say(completion_script(app, x.shell));
      return static_cast<int>(well);
    };
  });
  auto* token = app.add_subcommand("token", "Makes a token for the operators' listeners: the token "
                                            "on stdout, its line for the nodes on stderr.");
  token
    ->add_option("NAME", x.token_name, "Whose it is, for the audit log: 1 to 40 of a-z, 0-9, - _ .")
    ->required()
    ->type_name("");
  token->add_option("--role", x.token_role, "What its bearer may do")
    ->capture_default_str()
    ->check(CLI::IsMember({"reader", "operator"}));
  token->footer("Exit codes: 0 made, 2 refused.\n\nExamples:\n  tiketi-inspect token ann --role "
                "operator > ~/.tiketi-token");
  token->callback([&x] { x.run = [&x] { return make_token(x.token_name, x.token_role); }; });
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

/// The code, unless nobody could be told of what stands behind it: a full disk is no good news.
int told(int code) { return output_failed() ? refuse("cannot write to stdout") : code; }

int run_verify_draw(choices& x) {
  if (!x.user.empty()) {
    x.draw.who.user = parse_id<user_id>(x.user);
    if (!x.draw.who.user) return refuse("--user must be a uuid");
  }
  return verify_draw(x.draw);
}

int run_audit(choices& x) {
  auto& options = x.audit;
  options.limits.whole = std::chrono::seconds{x.limit_s};
  options.parts = parts_named(x.parts);
  if (!options.list && options.database.empty())
    return refuse("--database or DATABASE_URL must say where PostgreSQL is");
  return audit_database(options, text_style{wants_colour()});
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app{"Tiketi's inspector: looks at a shop without disturbing it."};
  app.require_subcommand(1);
  app.footer("Exit codes: 0 it is so or it is done, 1 not all of it, 2 nothing could be looked at, "
             "refused, or the outcome is not known; what exactly, and examples: COMMAND --help");
  choices chosen;
  add_audit(app, chosen)->callback([&] { chosen.run = [&] { return run_audit(chosen); }; });
  add_verify_draw(app, chosen)->callback([&] {
    chosen.run = [&] { return run_verify_draw(chosen); };
  });
  add_looks(app, chosen);
  add_case_words(app, chosen);
  add_top(app, chosen);
  add_brakes(app, chosen);
  add_notices(app, chosen);
  add_placement(app, chosen);
  add_losses(app, chosen);
  add_money(app, chosen);
  add_reconcile(app, chosen);
  add_tools(app, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& x) {
    auto why = unknown_word(app, {argv + std::min(argc, 1), argv + argc});
    if (x.get_exit_code() != 0 && !why.empty())
      return refuse(why + "\nRun with --help for more information.");
    return told(app.exit(x) == 0 ? well : failed);
  }
  if (sodium_init() < 0) return refuse("libsodium cannot start");
  block_signals();
  return told(chosen.run());
}
