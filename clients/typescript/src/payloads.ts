// Made by ./clarivum jobs types from the declarations of the jobs; do not edit.
import { z } from "zod";

import { moment, text, uuid } from "./wire.js";

/** Find out what kind of address a captured lead is. */
export interface EnrichLead {
  lead_id: string;
}

export const EnrichLeadSchema: z.ZodType<EnrichLead, EnrichLead> = z.strictObject({
  lead_id: uuid(),
});

/** Forget who the leads were that nobody saw for twelve months. */
export interface AnonymiseLeads {
  due_at: string;
}

export const AnonymiseLeadsSchema: z.ZodType<AnonymiseLeads, AnonymiseLeads> = z.strictObject({
  due_at: moment(),
});

/** Delete files whose link has expired. */
export interface DeleteExports {
  due_at: string;
}

export const DeleteExportsSchema: z.ZodType<DeleteExports, DeleteExports> = z.strictObject({
  due_at: moment(),
});

/** Erase a member who asked for it. */
export interface EraseMember {
  erasure_id: string;
}

export const EraseMemberSchema: z.ZodType<EraseMember, EraseMember> = z.strictObject({
  erasure_id: uuid(),
});

/** Write a member's data into a file. */
export interface ExportData {
  export_id: string;
}

export const ExportDataSchema: z.ZodType<ExportData, ExportData> = z.strictObject({
  export_id: uuid(),
});

/** Look for files and erasures that were promised and not done. */
export interface ReconcilePrivacy {
  due_at: string;
}

export const ReconcilePrivacySchema: z.ZodType<ReconcilePrivacy, ReconcilePrivacy> = z.strictObject({
  due_at: moment(),
});

/** Give what was paid for. `occasion` is the event, and in a reconciliation also its day. */
export interface FulfilPurchase {
  event_id: string;
  occasion: string;
}

export const FulfilPurchaseSchema: z.ZodType<FulfilPurchase, FulfilPurchase> = z.strictObject({
  event_id: text({ min: 1, max: 255 }),
  occasion: text({ min: 1, max: 255 }),
});

/** Compare the events that are stored with what followed from them. */
export interface ReconcilePurchases {
  due_at: string;
}

export const ReconcilePurchasesSchema: z.ZodType<ReconcilePurchases, ReconcilePurchases> = z.strictObject({
  due_at: moment(),
});

/** Take back what was refunded. `occasion` as in FulfilPurchase. */
export interface RevokePurchase {
  event_id: string;
  occasion: string;
}

export const RevokePurchaseSchema: z.ZodType<RevokePurchase, RevokePurchase> = z.strictObject({
  event_id: text({ min: 1, max: 255 }),
  occasion: text({ min: 1, max: 255 }),
});

/** Mail the receipt of a purchase. */
export interface SendReceipt {
  purchase_id: string;
}

export const SendReceiptSchema: z.ZodType<SendReceipt, SendReceipt> = z.strictObject({
  purchase_id: uuid(),
});
