"""A file that is not UTF-8 is refused with the command that mends it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from engine.common.errors import DataError
from engine.data.files.jsonrows import read_json

TEXTS = {
    "gb18030": ("请用一句话介绍一下北京。", "北京是中国的首都，历史悠久。"),
    "gbk": ("你好！", "您好，我是……您的助手。"),
    "big5": ("請用一句話介紹台北的夜市。", "士林夜市是台北最有名的夜市，小吃種類非常多。"),
    "cp932": ("東京について一文で説明してください。", "東京は日本の首都です。"),
    "cp949": ("서울을 한 문장으로 소개해 주세요.", "서울은 대한민국의 수도입니다."),
    "cp1251": ("Расскажите о Москве одним предложением.", "Москва — столица России."),
    "cp1252": ("Wie heißt die Hauptstadt?", "Schöne Grüße – für Übungen, Äpfel."),
    "cp1253": ("Ποια είναι η πρωτεύουσα;", "Η Αθήνα είναι η πρωτεύουσα."),
    "cp1250": ("Jak se jmenuje hlavní město České republiky?", "Praha je krásné město, příliš žluťoučký kůň."),
    "iso8859_2": ("Jak se máš, příteli?", "Žluťoučký kůň úpěl ďábelské ódy."),
    "koi8_r": ("Расскажите о Москве.", "Москва - столица России."),
    "iso8859_5": ("Расскажите о Москве.", "Москва - столица России."),
    "cp866": ("Расскажите о Москве.", "Москва - столица России."),
    "mac_roman": ("Où est la clé de l’hôtel ?", "Elle est déjà là, près du café."),
    "cp850": ("Wie heißt die Hauptstadt?", "Schöne Grüße, für Übungen, Äpfel."),
    "tis_620": ("กรุงเทพอยู่ที่ไหน", "กรุงเทพเป็นเมืองหลวงของประเทศไทย"),
}


@pytest.mark.parametrize("encoding", TEXTS)
@pytest.mark.parametrize("rows", [1, 3000])
def test_the_command_in_the_hint_makes_the_file_readable(tmp_path: Path, encoding: str, rows: int) -> None:
    prompt, answer = TEXTS[encoding]
    wanted = [{"prompt": prompt, "completion": f"{answer} {number}"} for number in range(rows)]
    file = tmp_path / "rows.json"
    file.write_bytes(json.dumps(wanted, ensure_ascii=False).encode(encoding))
    with pytest.raises(DataError) as caught:
        list(read_json(file, "a"))
    assert caught.value.code == "data.not-utf8"
    command = caught.value.reason.args["command"]
    subprocess.run(command, shell=True, check=True, cwd=tmp_path)
    assert [row.values for row in read_json(tmp_path / "utf8-rows.json", "a")] == wanted
