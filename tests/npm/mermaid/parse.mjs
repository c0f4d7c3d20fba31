// Reads erDiagrams from standard input, a JSON array of texts, and writes what Mermaid understood of each.
import { readFileSync } from "node:fs";
import mermaid from "mermaid";

async function understood(text) {
  await mermaid.parse(text); // as a browser does; it loads the diagram type as well
  const { db } = await mermaid.mermaidAPI.getDiagramFromText(text);
  const entities = [...db.getEntities().values()];
  const names = new Map(entities.map((entity) => [entity.id, entity.label]));
  return {
    entities: Object.fromEntries(
      entities.map((entity) => [
        entity.label,
        entity.attributes.map(({ type, name, keys, comment }) => ({ type, name, keys: keys ?? [], comment: comment ?? "" })),
      ]),
    ),
    // Mermaid calls what stands at the first entity's end of the line cardB.
    relations: db.getRelationships().map(({ entityA, entityB, roleA, relSpec }) => ({
      parent: names.get(entityA),
      child: names.get(entityB),
      label: roleA,
      parents: relSpec.cardB,
      children: relSpec.cardA,
      line: relSpec.relType,
    })),
  };
}

const found = [];
for (const text of JSON.parse(readFileSync(0, "utf8"))) {
  try {
    found.push(await understood(text));
  } catch (error) {
    console.error(text);
    throw error;
  }
}
process.stdout.write(JSON.stringify(found));
