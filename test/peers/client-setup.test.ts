/** What we write, read by programs that others wrote: QR codes by zbar, profiles and XML by Python's own parsers. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { autoconfig } from "../../src/core/client-setup/autoconfig.ts";
import { autodiscoverAnswer } from "../../src/core/client-setup/autodiscover.ts";
import { mobileconfig } from "../../src/core/client-setup/mobileconfig.ts";
import type { Matrix } from "../../src/core/client-setup/qr/matrix.ts";
import { qrCode, qrSvg } from "../../src/core/client-setup/qr/qr.ts";
import { type Version, versionFor } from "../../src/core/client-setup/qr/tables.ts";
import { servicesOf, usualPorts } from "../../src/core/client-setup/service.ts";
import { need } from "./need.ts";

const zbar = need("zbar-tools", ["zbarimg", "--version"], "QR codes are not read by another program");
const chromium = need("chromium", ["chromium", "--version"], "a QR code is not read off the screen");
const python = need("python3", ["python3", "--version"], "profiles and XML are not read by another program");

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "postern-setup-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function symbol(text: string): Matrix {
  const made = qrCode(text);
  if (made === null) throw new Error("too long");
  return made;
}

function read(image: string): string {
  const { stdout } = spawnSync("zbarimg", ["--quiet", "--raw", "--nodbus", image], { encoding: "utf8" });
  return stdout.replace(/\n$/, "");
}

/** A grey image, four pixels a module. */
function draw(name: string, matrix: Matrix): string {
  const scale = 4;
  const side = (matrix.size + 8) * scale;
  const pixels = Buffer.alloc(side * side, 255);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const [mx, my] = [Math.floor(x / scale) - 4, Math.floor(y / scale) - 4];
      const inside = mx >= 0 && my >= 0 && mx < matrix.size && my < matrix.size;
      if (inside && matrix.dark(mx, my)) pixels[y * side + x] = 0;
    }
  }
  const file = join(folder, `${name}.pgm`);
  writeFileSync(file, Buffer.concat([Buffer.from(`P5\n${side} ${side}\n255\n`), pixels]));
  return file;
}

const letters = "https://edge.example/apple/mobileconfig?email=%40+&~";

function textOf(length: number): string {
  return Array.from({ length }, (_, i) => letters[(i * 7 + length) % letters.length]).join("");
}

/** Darkens the right columns, data only, until three quarters of the codewords that can be corrected are hit. */
function damage(matrix: Matrix, version: Version | null): void {
  if (version === null) throw new Error("no version");
  let modules = Math.floor(0.75 * 8 * version.blocks * Math.floor(version.correction / 2));
  for (let x = matrix.size - 1; modules > 0; x--) {
    for (let y = 9; y < matrix.size && modules > 0; y++) {
      if (matrix.isFixed(x, y)) continue;
      matrix.set(x, y, true);
      modules--;
    }
  }
}

describe.skipIf(!zbar)("zbar", () => {
  test.each([1, 14, 15, 26, 42, 62, 84, 106, 122, 152, 180, 213, 251, 287, 331, 362, 412])(
    "reads %d bytes",
    (length) => {
      expect(read(draw(`n${length}`, symbol(textOf(length))))).toBe(textOf(length));
    },
  );

  // Error correction would hide a fault of ours in a whole symbol; with most of it spent on damage it can't.
  test.each([26, 42, 62, 106, 152, 213, 287, 412])("reads %d bytes that lost their right edge", (length) => {
    const text = textOf(length);
    const matrix = symbol(text);
    damage(matrix, versionFor(length));
    expect(read(draw(`d${length}`, matrix))).toBe(text);
  });

  test.skipIf(!chromium)("reads the SVG off a screen", () => {
    const text = "https://edge.example/apple/mobileconfig?email=ada%40example.test";
    const [page, picture] = [join(folder, "qr.html"), join(folder, "qr.png")];
    writeFileSync(page, `<body style="background:#123;width:300px">${qrSvg(symbol(text), text)}`);
    const options = [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--window-size=400,400",
      `--user-data-dir=${folder}/profile`,
    ];
    spawnSync("chromium", [...options, `--screenshot=${picture}`, `file://${page}`], { stdio: "ignore" });
    expect(read(picture)).toBe(text);
  });
});

describe.skipIf(!python)("Python", () => {
  const setup = {
    domain: "demo.test",
    services: servicesOf("mx.demo.test", { ...usualPorts, submissions: 465, submission: 587 }),
  };
  const address = `o'neil&"co"<x>@demo.test`;

  function run(program: string, input: string): unknown {
    const { stdout, stderr, status } = spawnSync("python3", ["-c", program], { input, encoding: "utf8" });
    if (status !== 0) throw new Error(stderr);
    return JSON.parse(stdout);
  }

  test("plistlib reads the profile", () => {
    const program = "import plistlib, sys, json; print(json.dumps(plistlib.loads(sys.stdin.buffer.read())))";
    expect(run(program, mobileconfig(setup, address) ?? "")).toMatchObject({
      PayloadType: "Configuration",
      PayloadVersion: 1,
      PayloadRemovalDisallowed: false,
      PayloadContent: [
        {
          PayloadType: "com.apple.mail.managed",
          EmailAddress: address,
          IncomingMailServerHostName: "mx.demo.test",
          IncomingMailServerPortNumber: 993,
          IncomingMailServerUseSSL: true,
          OutgoingMailServerPortNumber: 465,
        },
      ],
    });
  });

  test("ElementTree finds the servers in both answers, under their namespaces", () => {
    const program = `
import sys, json, xml.etree.ElementTree as E
root = E.fromstring(sys.stdin.buffer.read())
ns = {"o": "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"}
print(json.dumps([root.tag] + [[t.text for t in e] for e in root.findall(".//incomingServer") + root.findall("o:Response/o:Account/o:Protocol", ns)]))`;
    expect(run(program, autoconfig(setup))).toEqual([
      "clientConfig",
      ...[
        ["993", "SSL"],
        ["143", "STARTTLS"],
        ["995", "SSL"],
        ["110", "STARTTLS"],
      ].map((way) => ["mx.demo.test", ...way, "password-cleartext", "%EMAILADDRESS%"]),
    ]);
    const rest = ["off", "on", "SSL", "on"];
    expect(run(program, autodiscoverAnswer(setup, address))).toEqual([
      "{http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006}Autodiscover",
      ["IMAP", "mx.demo.test", "993", "off", address, ...rest],
      ["POP3", "mx.demo.test", "995", "off", address, ...rest],
      ["SMTP", "mx.demo.test", "465", "off", address, ...rest, "off", "off"],
    ]);
  });
});
