#include "tests/simulation/options.hpp"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include <CLI/CLI.hpp>

#include "tests/simulation/commands.hpp"

namespace tk::sim {

namespace {

constexpr const char* about =
  "Plays a sale with everything that goes wrong, in virtual time, from one number. Whatever is "
  "found can be played again from that number. Exits with 0 only if everything held; "
  "docs/simulation.md says how to read the rest.";

/// What takes away from a run; shrinking prints these.
void add_play_options(CLI::App& to, options& x, std::vector<std::string>& without,
                      std::vector<int32_t>& people) {
  static const std::map<std::string, run_mode> modes = {
    {"safety", run_mode::safety}, {"liveness", run_mode::liveness}, {"lite", run_mode::lite}};
  to.add_option_function<std::string>(
      "--mode", [&x](const std::string& name) { x.play.mode = modes.at(name); },
      "safety: everything goes wrong and heals; liveness: some nodes stay dead; lite: two kinds of "
      "faults at most")
    ->check(CLI::IsMember({"safety", "liveness", "lite"}))
    ->type_name("MODE");
  to.add_option("--without", without, "faults that do not happen: a kind, or one like kill@1200")
    ->delimiter(',');
  to.add_option("--people", people, "only these come, by number from 0")->delimiter(',');
  to.add_option("--patience", x.patience_s, "seconds until a seed counts as hanging")
    ->check(CLI::Range(1, 86'400))
    ->capture_default_str();
  to.add_option("--visits", x.play.visits, "of each of them at most")->check(CLI::Range(1, 1000));
}

/// A number that counts on from itself without an end: no sign, and not at the very end.
std::string is_seed(const std::string& x) {
  constexpr size_t digits_max = 18;
  auto digit = [](unsigned char c) { return std::isdigit(c) != 0; };
  bool good = !x.empty() && x.size() <= digits_max && std::ranges::all_of(x, digit);
  return good ? std::string{} : x + " is no seed: 0 to 999999999999999999";
}

std::string is_page(const std::string& x) {
  bool good = x.ends_with(".md") || x.ends_with(".html");
  return good ? std::string{} : x + ": the name must end with .md or .html";
}

void add_run_options(CLI::App& to, options& x) {
  to.add_option("--seeds", x.seeds, "how many (100)")->check(CLI::Range(1, 1'000'000'000));
  to.add_option("--first", x.first, "the first one")
    ->check(CLI::Validator{is_seed, "SEED"})
    ->capture_default_str();
  to.add_flag("--fresh", x.fresh, "draw the first one instead, and print it");
  to.add_flag("--once", x.once, "do not compare with a second run");
  to.add_flag("!--no-shrink", x.shrink, "show a failure as it was found");
  to.add_flag("--coverage", x.show_coverage, "print what was tried in which state, under what");
  to.add_flag("--demand-coverage", x.demand_coverage, "fail when something was never tried");
  to.add_flag("--figures", x.figures, "print seeds and virtual seconds as JSON, and nothing else");
  to.add_flag("--digest", x.digest_only, "print the digest of all seeds, and nothing else");
}

std::string read_file(const std::string& name) {
  std::ifstream in(name);
  if (!in) throw std::runtime_error("cannot read " + name);
  std::stringstream out;
  out << in.rdbuf();
  return out.str();
}

template <class Range> std::string joined(const Range& xs) {
  std::ostringstream out;
  for (auto& x : xs) out << (out.tellp() > 0 ? "," : "") << x;
  return out.str();
}

} // namespace

options parse_options(int argc, char** argv) {
  options x;
  std::vector<std::string> without;
  std::vector<int32_t> people;
  CLI::App app{about};
  app.name("tiketi-sim");
  app.require_subcommand(1);
  app.fallthrough();
  app.add_option("--sale", x.sale, "a sale by name (see list), or a file")->capture_default_str();
  app.add_option("--mutant", x.mutant, "with this planted bug (see list)");
  app.add_option("--jobs", x.jobs, "processes at once")->check(CLI::Range(1, 64));
  auto* many = app.add_subcommand("run", "plays many seeds, each twice");
  add_run_options(*many, x);
  add_play_options(*many, x, without, people);
  auto* one = app.add_subcommand("replay", "plays one seed and tells its story");
  one->add_option("seed", x.seed, "the number")->check(CLI::Validator{is_seed, "SEED"})->required();
  one
    ->add_option("--record", x.play.record, "write the whole run to a file: .md (Mermaid) or .html")
    ->check(CLI::Validator{is_page, "FILE"});
  add_play_options(*one, x, without, people);
  auto* bugs = app.add_subcommand("mutants", "plays with every planted bug until it is found");
  bugs->add_option("--seeds", x.seeds, "how many may be needed (2000)")
    ->check(CLI::Range(1, 1'000'000));
  auto* names = app.add_subcommand("list", "names sales, faults, planted bugs, races and evenings");
  auto rehearsing = add_rehearse(app), racing = add_small(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    x.status = app.exit(e) == 0 ? 0 : 2; // As everything else that was asked for wrongly.
    return x;
  }
  x.what = one->parsed()     ? options::verb::replay
           : bugs->parsed()  ? options::verb::mutants
           : names->parsed() ? options::verb::list
                             : options::verb::run;
  for (auto& other : {rehearsing, racing})
    if (other.parser->parsed()) {
      x.what = options::verb::other;
      x.run = other.run;
    }
  if (x.seeds == 0) x.seeds = bugs->parsed() ? 2000 : 100;
  x.play.without = {without.begin(), without.end()};
  x.play.people = {people.begin(), people.end()};
  return x;
}

std::string as_arguments(const play_options& x) {
  std::string out;
  if (x.mode == run_mode::liveness) out += " --mode liveness";
  if (x.mode == run_mode::lite) out += " --mode lite";
  if (!x.without.empty()) out += " --without " + joined(x.without);
  if (!x.people.empty()) out += " --people " + joined(x.people);
  if (x.visits > 0) out += " --visits " + std::to_string(x.visits);
  return out;
}

sale_plan load_sale(const std::string& name) {
  auto known = std::filesystem::path{TIKETI_SALES_DIR} / (name + ".json");
  auto file = std::filesystem::exists(known) ? known.string() : name;
  auto plan = parse_plan(read_file(file));
  if (!plan) throw std::runtime_error(file + ": " + plan.error());
  return *plan;
}

std::vector<std::string> names_in(const char* folder) {
  std::vector<std::string> out;
  for (auto& file : std::filesystem::directory_iterator(folder))
    out.push_back(file.path().stem().string());
  std::ranges::sort(out);
  return out;
}

void check_play(const play_options& x, const sale_plan& plan) {
  for (auto& name : x.without) {
    auto kind = name.substr(0, name.find('@'));
    auto known = std::ranges::any_of(fault_kinds(), [&](auto& y) { return kind == y.name; });
    if (!known) throw std::runtime_error("--without: there is no fault " + kind + "; see list");
  }
  for (auto n : x.people)
    if (n < 0 || n >= plan.people)
      throw std::runtime_error("--people: there is nobody of number " + std::to_string(n) +
                               ", only 0 to " + std::to_string(plan.people - 1));
}

} // namespace tk::sim
