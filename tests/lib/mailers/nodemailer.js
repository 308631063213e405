// Nodemailer: FILE makes `transport`.
const fs = require("fs");
const nodemailer = require("nodemailer");

const transport = new Function("nodemailer", fs.readFileSync(process.argv[2], "utf8") + "\nreturn transport;")(nodemailer);

async function main() {
  for (const mail of JSON.parse(fs.readFileSync(0, "utf8"))) {
    try {
      const info = await transport.sendMail({ from: mail.from || "app@example.com", to: mail.to, subject: mail.subject, text: "Hello." });
      console.log(JSON.stringify({ sent: info.rejected.join() }));
    } catch (error) {
      console.log(JSON.stringify({ error: `${error.code} ${error.responseCode}: ${error.response || error.message}` }));
    }
  }
  transport.close();
}

main();
