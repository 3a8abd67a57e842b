# SPDX-License-Identifier: BSD-3-Clause
import json
import re
import xml.etree.ElementTree

from harness import page, plot, report


def test_the_table_has_medians_and_ratios(run):
    text = report.text(run)
    assert "| split 64 B | switch cycles per packet | 65 | 101 → 0.64 |" in text
    assert "Without kernel: no room." in text


def test_what_is_not_stable_is_marked(run):
    run["scenarios"][0]["cases"][0]["summary"]["ratios"]["cycles"]["testpmd io"]["stable"] = False
    assert "101 → ~0.64 (0.64–0.65)" in report.text(run)


def test_errors_are_told_everywhere(run, tmp_path):
    run["scenarios"][0]["cases"][0]["summary"]["errors"] = ["vswitch: 1 packets corrupted"]
    run["scenarios"][0]["errors"] = ["vswitch: ended with status 1"]
    found = ["v2v, split 64 B: vswitch: 1 packets corrupted", "v2v: vswitch: ended with status 1"]
    assert report.errors(run) == found
    html = (report.save(run, tmp_path) / "report.html").read_text()
    for error in found:
        assert error in report.text(run) and error in html


def test_the_size_of_the_rings_is_told(run):
    assert "Virtqueues have 256 descriptors" in report.text(run)
    assert "Virtqueues have 256 descriptors" in page.render(run)


def test_a_run_beyond_its_budget_says_so(run):
    assert "more than" not in report.text(run)
    run["seconds"] = 601
    assert "more than the 600 s planned" in report.text(run)


def test_the_page_needs_nothing_else(run):
    text = page.render(run)
    assert not re.search(r"(src|href)=\"(?!#)|url\(|@import|<script", text)
    assert text.count("<svg viewBox=\"0 0 460") == 1
    assert "Two &lt;VMs&gt;" in text and "A &lt;CPU&gt;" in text


def test_every_figure_is_well_formed(run):
    for svg in re.findall(r"<svg.*?</svg>", page.render(run)):
        xml.etree.ElementTree.fromstring(svg)


def test_saved_twice_is_two_directories(run, tmp_path):
    names = [report.save(run, tmp_path).name for _ in range(2)]
    assert names == ["2026-01-02-abc1234", "2026-01-02-abc1234-2"]
    assert json.loads((tmp_path / names[0] / "results.json").read_text()) == run
    assert (tmp_path / names[0] / "report.html").exists()


def test_categories_that_are_numbers_are_in_order(run):
    cases = run["scenarios"][0]["cases"][::-1]
    spec = run["scenarios"][0]["plots"][0]
    categories, series = page.series_of(cases, spec, {"vswitch": 0, "testpmd io": 1})
    assert categories == [64, 256]
    assert [s.name for s in series] == ["vswitch", "testpmd io"]
    assert series[0].points[64] == {"median": 65, "min": 64, "max": 66}


def test_a_linear_scale_starts_at_zero_and_holds_everything():
    scale = plot.Linear([3, 97])
    assert scale.ticks[0] == 0 and scale.top >= 97
    assert scale.place(0) == 0 and 0.9 < scale.place(97) <= 1


def test_a_log_scale_holds_zero_at_the_bottom():
    scale = plot.Log([0, 2, 300])
    assert scale.ticks == [1, 10, 100, 1000]
    assert scale.place(0) == 0 and scale.place(1000) == 1 and 0 < scale.place(2) < 0.2


def test_numbers_of_an_axis_are_short():
    assert [plot.number(v) for v in (0, 0.25, 12, 500, 20_000, 3e6)] == [
        "0", "0.25", "12", "500", "20k", "3M"]
