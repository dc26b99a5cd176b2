# Functions that .ci/run and .ci/soak share. Sourced by bash.

# jdk MAJOR: prints the home of an installed JDK of that version, if there is one
jdk() {
  local home
  for home in /usr/lib/jvm/*; do
    if [ -x "$home/bin/javac" ] && grep -q "^JAVA_VERSION=\"$1[\".]" "$home/release" 2>/dev/null; then
      echo "$home"
      return
    fi
  done
}

# reports MARK: prints the names of the test reports that are newer than the file MARK
reports() { find . -path '*/target/*-reports/TEST-*.xml' -newer "$1" -print0; }

# summarize MARK: adds up the reports that are newer than the file MARK. Prints one line for each test that failed, passed only
# when it was run again, or was skipped, with the reason; the last line is "N passed, N failed, N skipped".
summarize() {
  reports "$1" | xargs -0r cat | awk '
    function attribute(name,   value) {
      if (!match($0, " " name "=\"[^\"]*\"")) return ""
      value = substr($0, RSTART, RLENGTH); sub("^[^\"]*\"", "", value); sub("\"$", "", value)
      gsub("&#10;.*", "", value); gsub("&lt;", "<", value); gsub("&gt;", ">", value); gsub("&quot;", "\"", value); gsub("&amp;", "\\&", value)
      return value
    }
    function reason(   why) {
      why = attribute("message")
      if (why == "") { why = $0; sub(/.*CDATA\[/, "", why); sub(/.*Assumption failed: /, "", why) }
      return why
    }
    /^ *<testsuite / { tests += attribute("tests"); bad += attribute("failures") + attribute("errors"); skipped += attribute("skipped") }
    /^ *<testcase / { current = attribute("classname") "." attribute("name"); flaky = "" }
    /^ *<skipped/ { print "skipped: " current ": " reason() }
    /^ *<(failure|error)[ >]/ { print "failed: " current ": " reason() }
    /^ *<(flakyFailure|flakyError)[ >]/ { if (flaky != current) print "flaky: " current ": " reason(); flaky = current }
    END { printf "%d passed, %d failed, %d skipped\n", tests - bad - skipped, bad, skipped }'
}

# failure_logs MARK: prints all that the reports newer than MARK have on the tests that failed, output included
failure_logs() {
  reports "$1" | xargs -0r awk '
    /^ *<testcase / { text = ""; failed = 0; inside = 1 }
    inside { text = text $0 "\n" }
    inside && /^ *<(failure|error|flakyFailure|flakyError)[ >]/ { failed = 1 }
    /^ *<\/testcase>/ { if (failed) printf "%s", text; inside = 0; text = "" }'
}
