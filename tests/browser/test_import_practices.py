"""The page that brings practices in, in a real browser: no barrier, no page wider than its screen, and the way through."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from server.moment import fresh
from tests.browser.access import audit
from tests.browser.glass import Glass
from tests.people import plan, talk
from tests.test_import_practices import COLLECTION, SHEET, csv, market, titles

pytestmark = pytest.mark.asyncio(loop_scope="session")

WIDTHS = (320, 360, 1280)
FLAWED = csv(
    "Titolo;Luogo;Organizzazione;Offre;Posti;Colore;Risultati",
    f"Una;Torino;Ente;{'x' * 60}, valutazione;sei;rosso;Meno attese — registro",
    ";Milano;Ente;;;;",
    f"{'Lungo ' * 30};Milano;Ente;;;;",
)


async def brings(page: Page, data: bytes, name: str) -> None:
    await page.set_input_files("#import-file", {"name": name, "mimeType": "text/plain", "buffer": data})
    await page.get_by_role("button", name="Mostra l’anteprima").click()


async def test_the_page_has_no_barrier_in_any_of_its_states(glass: Glass) -> None:
    await glass.day.begins(plan(talk(), market()))
    device = await glass.device("desk")
    await glass.key(device)
    page = await glass.page(device, "import")
    glass.allows("422")
    found: list[str] = []
    await page.goto(f"/desk/{glass.code}/stages/market/import")
    found += await audit(page, "form", WIDTHS)
    for name, data in (("a.csv", FLAWED), ("a.json", COLLECTION), ("b.csv", csv("Che cosa;Di chi", "Una;Ente"))):
        await page.goto(f"/desk/{glass.code}/stages/market/import")
        await brings(page, data, name)
        if name == "a.csv":
            await page.get_by_text("Colonne", exact=True).click()
        found += await audit(page, name, WIDTHS)
    assert not found, "\n".join(found)


async def test_from_the_desk_to_new_stalls_on_a_phone(glass: Glass) -> None:
    await glass.day.begins(plan(market()))
    desk = await glass.desk()
    await desk.locator("[data-sheet$='/preview/market']").first.click()
    await desk.get_by_role("link", name="Porta dentro pratiche").click()
    await brings(desk, SHEET, "a.xlsx")
    await desk.get_by_role("button", name="Aggiungi 2 pratiche").click()
    await desk.wait_for_url(f"**/desk/{glass.code}")
    assert titles(glass.day) == ["Social Factory", "Casa di quartiere"]
    ask = {"id": fresh(), "stage": None, "do": "open_stage", "with": {"stage": "market"}}
    assert (await glass.day.api("POST", f"/api/sessions/{glass.code}/asks", json=ask)).status_code == 200
    phone = await glass.phone()
    await expect(phone.get_by_text("Casa di quartiere").first).to_be_visible()
